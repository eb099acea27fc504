"""Reads the .safetensors file in which the TypeScript side left its weights and inputs, so that both do the same work;
and takes samples of results, by which the sides are compared."""

import json
import mmap

import torch
from torch import Tensor

DTYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "U8": torch.uint8}


def read_safetensors(path: str) -> dict[str, Tensor]:
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        shape, (start, _) = entry["shape"], entry["data_offsets"]
        count = 1
        for extent in shape:
            count *= extent
        flat = torch.frombuffer(data, dtype=DTYPES[entry["dtype"]], offset=8 + size + start, count=count)
        tensors[name] = flat.view(shape).clone()
    return tensors


def below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names start with `prefix`, without it."""
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def sample(*tensors: Tensor, count: int = 32) -> list[float]:
    """Some values of each tensor, evenly spread."""
    values: list[float] = []
    for tensor in tensors:
        flat = tensor.detach().flatten()
        step = max(1, flat.numel() // count)
        values += flat[::step][:count].tolist()
    return values
