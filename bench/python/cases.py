"""The measured work, one function a row: given the row's parameters and the TypeScript side's tensors, it returns what is to be timed.

A timed function returns the numbers by which both sides are compared before anything is measured.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sam.image_encoder import ENCODERS, ImageEncoder
from sam2.model import Sam2
from unet import PlainConvUNet, deeply_supervised
from weights import below, sample

Work = Callable[[], list[float]]


def add(parameters: dict, tensors: dict[str, Tensor]) -> Work:
    """`a + b` on 2×2, many times; `graph` says whether autograd records it and whether gradients are computed."""
    a, b = tensors["input.a"], tensors["input.b"]
    calls, graph = parameters["calls"], parameters["graph"]
    a.requires_grad_(graph != "none")

    def forward() -> list[float]:
        for _ in range(calls):
            c = a + b
        return sample(c)

    def forward_backward() -> list[float]:
        for _ in range(calls):
            a.grad = None
            (a + b).sum().backward()
        return sample(a.grad)

    return forward_backward if graph == "backward" else forward


def unet_training_step(parameters: dict, tensors: dict[str, Tensor]) -> Work:
    network = PlainConvUNet(
        parameters["inputChannels"],
        parameters["classes"],
        parameters["features"],
        parameters["kernels"],
        parameters["strides"],
        parameters["convsPerStage"],
    )
    network.load_state_dict(below(tensors, "model."))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.99, nesterov=True, weight_decay=3e-5)
    image, labels = tensors["input.image"], tensors["input.labels"]

    def step() -> list[float]:
        optimizer.zero_grad()
        loss = deeply_supervised(network(image), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12)
        optimizer.step()
        return [loss.item()]

    return step


def sam2_with(parameters: dict, tensors: dict[str, Tensor]) -> Sam2:
    model = Sam2(parameters["imageSize"], parameters["size"])
    model.load_state_dict(below(tensors, "model."))
    return model.eval()


def image_encoder(parameters: dict, tensors: dict[str, Tensor]) -> Work:
    model = sam2_with(parameters, tensors)
    image = tensors["input.image"]

    @torch.inference_mode()
    def encode() -> list[float]:
        features, high_res = model.encode_image(image)
        return sample(features, *high_res)

    return encode


def sam_image_encoder(parameters: dict, tensors: dict[str, Tensor]) -> Work:
    encoder = ImageEncoder(**ENCODERS[parameters["model"]])
    encoder.load_state_dict(below(tensors, "model."))
    encoder.eval()
    image = tensors["input.image"]

    @torch.inference_mode()
    def encode() -> list[float]:
        return sample(encoder(image))

    return encode


def click(parameters: dict, tensors: dict[str, Tensor]) -> Work:
    model = sam2_with(parameters, tensors)
    features, high_res = tensors["input.features"], [tensors["input.stride4"], tensors["input.stride8"]]
    coords, labels = tensors["input.coords"], tensors["input.labels"]

    @torch.inference_mode()
    def answer() -> list[float]:
        return sample(*model.answer(features, high_res, coords, labels))

    return answer


def tracked_slice(parameters: dict, tensors: dict[str, Tensor]) -> Work:
    model = sam2_with(parameters, tensors)
    features, high_res = tensors["input.features"], [tensors["input.stride4"], tensors["input.stride8"]]
    memories = [(tensors[f"input.memory.{distance}"], distance) for distance in range(parameters["memories"])]
    pointers = [(tensors[f"input.pointer.{distance}"], distance) for distance in range(parameters["pointers"])]

    @torch.inference_mode()
    def track() -> list[float]:
        return sample(*model.track(features, high_res, memories, pointers))

    return track


CASES: dict[str, Callable[[dict, dict[str, Tensor]], Work]] = {
    "add": add,
    "unet-training-step": unet_training_step,
    "sam2-image-encoder": image_encoder,
    "sam2-click": click,
    "sam2-tracked-slice": tracked_slice,
    "sam-image-encoder": sam_image_encoder,
}
