"""Work that begins with a checkpoint file, done once in a process of its own: loading a network, and the first mask of a program."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from sam.image_encoder import ENCODERS
from sam.model import Sam
from sam2.model import Sam2
from weights import read_safetensors, sample


@contextmanager
def undrawn() -> Iterator[None]:
    """Layers made inside do not draw random weights. (Making them on the meta device instead costs two seconds of imports.)"""
    drawing = {name: getattr(nn.init, name) for name in ("kaiming_uniform_", "uniform_", "normal_")}
    for name in drawing:
        setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    try:
        yield
    finally:
        for name, function in drawing.items():
            setattr(nn.init, name, function)


def load(model: str, checkpoint: str, image_size: int = 1024) -> nn.Module:
    """The fastest way that PyTorch offers: no weights are drawn, and the file's are mapped into the network instead of being copied."""
    with undrawn():
        network = Sam(model) if model in ENCODERS else Sam2(image_size, model.removeprefix("sam2.1_hiera_"))
    state = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)["model"]
    network.load_state_dict(state, assign=True)
    return network.eval()


def load_checkpoint(parameters: dict, checkpoint: str) -> list[float]:
    state = load(parameters["model"], checkpoint).state_dict()
    return sample(*(state[name] for name in sorted(state)), count=1)


@torch.inference_mode()
def first_mask(parameters: dict, checkpoint: str) -> list[float]:
    """Loads a SAM 2.1, encodes one picture, answers one click in its middle."""
    side = parameters["imageSize"]
    model = load(parameters["model"], checkpoint, side)
    picture = torch.arange(3 * side * side, dtype=torch.float32).mul(0.37).sin().view(1, 3, side, side)
    coords, labels = torch.full((1, 1, 2), side / 2), torch.ones(1, 1, dtype=torch.int64)
    return sample(*model.answer(*model.encode_image(picture), coords, labels))


FRESH_WORKS: dict[str, Callable[[dict, str], list[float]]] = {
    "load-checkpoint": load_checkpoint,
    "first-mask": first_mask,
}


def write_checkpoint(tensors: str, checkpoint: str) -> None:
    """The weights that the TypeScript side wrote, in the layout of the official checkpoints."""
    torch.save({"model": read_safetensors(tensors)}, checkpoint)
