"""Resamples as nnU-Net does (skimage.transform.resize under it) and prints the seconds of each turn; asked by ../src/imaging.ts.

    resample.py IN.f32 OUT.f32 z,y,x Z,Y,X        one JSON line a turn, whenever a line comes in

Files are raw float32, C order.
"""

import json
import sys
import time

import numpy as np
from skimage.transform import resize


def main() -> None:
    source, target, shape, new_shape = sys.argv[1:]
    image = np.fromfile(source, np.float32).reshape([int(n) for n in shape.split(",")])
    wanted = [int(n) for n in new_shape.split(",")]
    for _ in sys.stdin:
        start = time.perf_counter()
        # nnU-Net's resample_data_or_seg: float64 inside, order 3, edge, clipped to the image's range
        resized = resize(image.astype(float), wanted, order=3, mode="edge", clip=True, anti_aliasing=False)
        seconds = time.perf_counter() - start
        resized.astype(np.float32).tofile(target)
        print(json.dumps({"seconds": seconds}), flush=True)


main()
