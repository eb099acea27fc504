"""The Python side of the bench: reads one JSON request a line from standard input and answers each with one line of JSON.

    {"do": "hello", "threads": 2}                                    versions and threads
    {"do": "prepare", "work": NAME, "parameters": {…}, "tensors": PATH}  builds the work; answers with the numbers of its first run
    {"do": "measure", "repetitions": 5}                              seconds of each repetition
    {"do": "memory"}                                                 peak resident bytes since `prepare`, without one since the start
    {"do": "write-checkpoint", "tensors": PATH, "checkpoint": PATH}  weights as torch.save writes them
    {"do": "once", "work": NAME, "parameters": {…}, "checkpoint": PATH}  seconds and numbers of work that begins with that file
"""

import gc
import json
import platform
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore", message="Failed to initialize NumPy")  # PyTorch without NumPy is enough here

import torch  # noqa: E402

from cases import CASES, Work  # noqa: E402
from checkpoints import FRESH_WORKS, write_checkpoint  # noqa: E402
from weights import read_safetensors  # noqa: E402


def forget_peak() -> None:
    """Linux: the peak of resident memory starts again at what is resident now."""
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def peak_bytes() -> int:
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    work: Work | None = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "hello":
                torch.set_num_threads(request["threads"])
                answer = {
                    "runtime": f"Python {platform.python_version()}",
                    "torch": torch.__version__,
                    "threads": torch.get_num_threads(),
                }
            case "prepare":
                work = CASES[request["work"]](request["parameters"], read_safetensors(request["tensors"]))
                answer = {"numbers": work()}
                forget_peak()
            case "measure":
                seconds = []
                for _ in range(request["repetitions"]):
                    start = time.perf_counter()
                    work()
                    seconds.append(time.perf_counter() - start)
                answer = {"seconds": seconds}
            case "memory":
                answer = {"peakBytes": peak_bytes()}
            case "write-checkpoint":
                write_checkpoint(request["tensors"], request["checkpoint"])
                answer = {}
            case "once":
                start = time.perf_counter()
                numbers = FRESH_WORKS[request["work"]](request["parameters"], request["checkpoint"])
                answer = {"seconds": time.perf_counter() - start, "numbers": numbers}
        print(json.dumps(answer), flush=True)


main()
