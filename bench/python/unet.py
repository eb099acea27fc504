"""nnU-Net's plain convolutional U-Net in plain PyTorch, with its loss: the Python side of the training-step row.

Parameter names are those of nnU-Net's PlainConvUNet (Isensee et al., Nature Methods 2021).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNormActivation(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: list[int], stride: list[int]):
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, kernel, stride, padding=[extent // 2 for extent in kernel])
        self.norm = nn.InstanceNorm3d(outputs, affine=True)
        self.activation = nn.LeakyReLU(0.01, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.conv(x)))


class StackedConvBlocks(nn.Module):
    """One resolution: several blocks, the first of which may shrink."""

    def __init__(self, count: int, inputs: int, outputs: int, kernel: list[int], stride: list[int]):
        super().__init__()
        first = ConvNormActivation(inputs, outputs, kernel, stride)
        others = [ConvNormActivation(outputs, outputs, kernel, [1, 1, 1]) for _ in range(count - 1)]
        self.convs = nn.Sequential(first, *others)

    def forward(self, x: Tensor) -> Tensor:
        return self.convs(x)


class Encoder(nn.Module):
    def __init__(self, channels: int, features: list[int], kernels, strides, convs: int):
        super().__init__()
        widths = [channels, *features]
        self.stages = nn.ModuleList(
            nn.Sequential(StackedConvBlocks(convs, widths[i], widths[i + 1], kernels[i], strides[i]))
            for i in range(len(features))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs


class Decoder(nn.Module):
    def __init__(self, classes: int, features: list[int], kernels, strides, convs: int):
        super().__init__()
        levels = range(len(features) - 2, -1, -1)
        self.transpconvs = nn.ModuleList(
            nn.ConvTranspose3d(features[i + 1], features[i], strides[i + 1], strides[i + 1]) for i in levels
        )
        self.stages = nn.ModuleList(
            StackedConvBlocks(convs, 2 * features[i], features[i], kernels[i], [1, 1, 1]) for i in levels
        )
        self.seg_layers = nn.ModuleList(nn.Conv3d(features[i], classes, 1) for i in levels)

    def forward(self, skips: list[Tensor]) -> list[Tensor]:
        x = skips[-1]
        logits = []
        for level, (larger, stage, head) in enumerate(zip(self.transpconvs, self.stages, self.seg_layers)):
            x = stage(torch.cat([larger(x), skips[-2 - level]], dim=1))
            logits.append(head(x))
        return logits[::-1]


class PlainConvUNet(nn.Module):
    """`[B, C, D, H, W]` to logits of all resolutions, largest first."""

    def __init__(self, channels: int, classes: int, features: list[int], kernels, strides, convs: int):
        super().__init__()
        self.encoder = Encoder(channels, features, kernels, strides, convs)
        self.decoder = Decoder(classes, features, kernels, strides, convs)

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.decoder(self.encoder(x))


def soft_dice_loss(probabilities: Tensor, truth: Tensor, smooth: float = 1e-5) -> Tensor:
    """Over the whole batch, without background."""
    p, t = probabilities[:, 1:], truth[:, 1:]
    axes = [0, *range(2, p.ndim)]
    overlap = (p * t).sum(axes)
    total = p.sum(axes) + t.sum(axes)
    return -((2 * overlap + smooth) / (total + smooth).clamp_min(1e-8)).mean()


def dice_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    truth = F.one_hot(labels, logits.shape[1]).movedim(-1, 1).float()
    return F.cross_entropy(logits, labels) + soft_dice_loss(logits.softmax(1), truth)


def deeply_supervised(logits: list[Tensor], labels: Tensor) -> Tensor:
    """Half as much weight at each coarser resolution, none at the coarsest of three or more."""
    weights = [0.5**level for level in range(len(logits))]
    if len(weights) > 2:
        weights[-1] = 0.0
    loss = 0.0
    for level, weight in zip(logits, weights):
        if weight == 0:
            continue
        here = labels
        if level.shape[2:] != labels.shape[1:]:
            here = F.interpolate(labels[:, None].float(), level.shape[2:], mode="nearest")[:, 0].long()
        loss = loss + weight / sum(weights) * dice_cross_entropy(level, here)
    return loss
