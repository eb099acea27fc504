"""What several boxes of SAM 2 share: perceptron, channel norm, attention, and the ways to say where something is."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Mlp(nn.Module):
    """Linear layers with an activation between them, not after the last."""

    def __init__(self, *widths: int, activation=F.relu, sigmoid: bool = False):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.activation = activation
        self.sigmoid = sigmoid

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        x = self.layers[-1](x)
        return x.sigmoid() if self.sigmoid else x


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of `[B, C, H, W]`."""

    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, downsample: int = 1, key_width: int | None = None):
        super().__init__()
        inner = width // downsample
        self.heads = heads
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(key_width or width, inner)
        self.v_proj = nn.Linear(key_width or width, inner)
        self.out_proj = nn.Linear(inner, width)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return self.attend(self.split(self.q_proj(q)), self.split(self.k_proj(k)), self.split(self.v_proj(v)))


class RotaryAttention(Attention):
    """Queries and keys are turned by their place in the image; the last `placeless` keys have none."""

    def __init__(self, width: int, heads: int, key_width: int | None = None, theta: float = 10000.0):
        super().__init__(width, heads, key_width=key_width)
        self.theta = theta
        self.turns: dict[tuple[int, int], Tensor] = {}

    def turn(self, grid: tuple[int, int], channels: int) -> Tensor:
        """`[H·W, channels / 2]` complex; computed once a grid."""
        if grid not in self.turns:
            height, width = grid
            frequencies = self.theta ** -(torch.arange(0, channels, 4) / channels)
            cells = torch.arange(height * width)
            x, y = cells % width, cells // width
            angles = torch.cat([torch.outer(x, frequencies), torch.outer(y, frequencies)], dim=-1)
            self.turns[grid] = torch.polar(torch.ones_like(angles), angles)
        return self.turns[grid]

    def rotate(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """`[B, heads, R·H·W, channels]`: tokens that run over the grid once or several times."""
        turn = self.turn(grid, x.shape[-1])
        pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2))).unflatten(2, (-1, turn.shape[0]))
        return torch.view_as_real(pairs * turn).flatten(4).flatten(2, 3).type_as(x)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: tuple[int, int], placeless: int = 0) -> Tensor:
        q, k, v = self.split(self.q_proj(q)), self.split(self.k_proj(k)), self.split(self.v_proj(v))
        placed = k.shape[2] - placeless
        turned = self.rotate(k[:, :, :placed], grid)
        keys = turned if placeless == 0 else torch.cat([turned, k[:, :, placed:]], dim=2)
        return self.attend(self.rotate(q, grid), keys, v)


class SinePosition(nn.Module):
    """Sine encoding of a grid, `[1, channels, H, W]`; computed once a size."""

    def __init__(self, channels: int, temperature: float = 10000.0):
        super().__init__()
        self.channels = channels
        self.temperature = temperature
        self.tables: dict[tuple[int, int], Tensor] = {}

    def forward(self, height: int, width: int) -> Tensor:
        if (height, width) not in self.tables:
            rows, columns = self.along(height), self.along(width)
            rows = rows[:, None].expand(-1, width, -1)
            columns = columns[None].expand(height, -1, -1)
            self.tables[height, width] = torch.cat([rows, columns], dim=-1).permute(2, 0, 1)[None].contiguous()
        return self.tables[height, width]

    def along(self, length: int) -> Tensor:
        half = self.channels // 2
        places = torch.arange(1, length + 1) / (length + 1e-6) * 2 * math.pi
        waves = self.temperature ** (torch.arange(0, half, 2) / half)
        angles = places[:, None] / waves
        return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def sine_of_distances(distances: Tensor, channels: int) -> Tensor:
    """`[N]` to `[N, channels]`: sines, then cosines."""
    half = channels // 2
    waves = 10000.0 ** (2 * (torch.arange(half) // 2) / half)
    angles = distances[:, None] / waves
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class RandomPosition(nn.Module):
    """Random Fourier features of points whose coordinates run from 0 to 1."""

    def __init__(self, half: int):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, half))

    def forward(self, points: Tensor) -> Tensor:
        angles = 2 * math.pi * ((2 * points - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def dense(self, height: int, width: int) -> Tensor:
        y, x = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
        yy, xx = torch.meshgrid(y, x, indexing="ij")
        return self.forward(torch.stack([xx, yy], dim=-1)).permute(2, 0, 1)[None]
