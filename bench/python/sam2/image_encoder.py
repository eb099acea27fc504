"""SAM 2's image encoder: Hiera in its four official sizes and the feature pyramid neck."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .parts import Mlp

# The trunks of the official models. A stage's first block still has the windows of the stage before.
TRUNKS = {
    "t": {"width": 96, "heads": 1, "stages": (1, 2, 7, 2), "whole": (5, 7, 9), "windows": (8, 4, 14, 7), "background": 7},
    "s": {"width": 96, "heads": 1, "stages": (1, 2, 11, 2), "whole": (7, 10, 13), "windows": (8, 4, 14, 7), "background": 7},
    "b+": {"width": 112, "heads": 2, "stages": (2, 3, 16, 3), "whole": (12, 16, 20), "windows": (8, 4, 14, 7), "background": 14},
    "l": {"width": 144, "heads": 2, "stages": (2, 6, 36, 4), "whole": (23, 33, 43), "windows": (8, 4, 16, 8), "background": 7},
}


def max_pool(x: Tensor) -> Tensor:
    """`[B, H, W, C]`, halved."""
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def split_windows(x: Tensor, side: int) -> tuple[Tensor, tuple[int, int]]:
    """`[B, H, W, C]` to windows `[B·rows·columns, side, side, C]`, padded with zeros below and at the right."""
    batch, height, width, channels = x.shape
    below, right = -height % side, -width % side
    if below or right:
        x = F.pad(x, (0, 0, 0, right, 0, below))
    rows, columns = (height + below) // side, (width + right) // side
    windows = x.view(batch, rows, side, columns, side, channels).transpose(2, 3)
    return windows.reshape(-1, side, side, channels), (rows, columns)


def join_windows(windows: Tensor, count: tuple[int, int], size: tuple[int, int]) -> Tensor:
    rows, columns = count
    _, high, wide, channels = windows.shape
    whole = windows.view(-1, rows, columns, high, wide, channels).transpose(2, 3)
    whole = whole.reshape(-1, rows * high, columns * wide, channels)
    return whole[:, : size[0], : size[1]]


class PatchEmbed(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Conv2d(3, width, 7, 4, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.proj(image).permute(0, 2, 3, 1)


class MultiScaleAttention(nn.Module):
    def __init__(self, dim: int, dim_out: int, heads: int, pool: bool):
        super().__init__()
        self.heads = heads
        self.pool = pool
        self.qkv = nn.Linear(dim, 3 * dim_out)
        self.proj = nn.Linear(dim_out, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, _ = x.shape
        q, k, v = self.qkv(x).view(batch, height * width, 3, self.heads, -1).unbind(2)
        if self.pool:
            q = max_pool(q.reshape(batch, height, width, -1))
            height, width = q.shape[1:3]
            q = q.reshape(batch, height * width, self.heads, -1)
        x = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        return self.proj(x.transpose(1, 2).reshape(batch, height, width, -1))


class MultiScaleBlock(nn.Module):
    def __init__(self, dim: int, dim_out: int, heads: int, window: int, pool: bool):
        super().__init__()
        self.window = window
        self.pool = pool
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = MultiScaleAttention(dim, dim_out, heads, pool)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = Mlp(dim_out, 4 * dim_out, dim_out, activation=F.gelu)
        if dim != dim_out:
            self.proj = nn.Linear(dim, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm1(x)
        shortcut = x
        if hasattr(self, "proj"):
            shortcut = self.proj(normed)
            if self.pool:
                shortcut = max_pool(shortcut)
        if self.window > 0:
            windows, count = split_windows(normed, self.window)
            attended = join_windows(self.attn(windows), count, shortcut.shape[1:3])
        else:
            attended = self.attn(normed)
        x = shortcut + attended
        return x + self.mlp(self.norm2(x))


class Hiera(nn.Module):
    def __init__(self, width: int, heads: int, stages, whole, windows, background: int):
        super().__init__()
        self.pos_embed = nn.Parameter(torch.zeros(1, width, background, background))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, width, windows[0], windows[0]))
        self.patch_embed = PatchEmbed(width)
        self.blocks = nn.ModuleList()
        self.ends: list[int] = []
        self.channels: list[int] = []
        for stage, depth in enumerate(stages):
            for place in range(depth):
                changes = stage > 0 and place == 0
                index = len(self.blocks)
                window = 0 if index in whole else windows[stage - 1 if changes else stage]
                heads = 2 * heads if changes else heads
                wider = 2 * width if changes else width
                self.blocks.append(MultiScaleBlock(width, wider, heads, window, pool=changes))
                width = wider
            self.ends.append(len(self.blocks) - 1)
            self.channels.append(width)

    def positions(self, height: int, width: int) -> Tensor:
        whole = F.interpolate(self.pos_embed, (height, width), mode="bicubic")
        side = self.pos_embed_window.shape[-1]
        tiled = self.pos_embed_window.tile(1, 1, -(-height // side), -(-width // side))
        return (whole + tiled[..., :height, :width]).permute(0, 2, 3, 1)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = self.patch_embed(image)
        x = x + self.positions(*x.shape[1:3])
        outputs = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.ends:
                outputs.append(x.permute(0, 3, 1, 2))
        return outputs


class Lateral(nn.Module):
    def __init__(self, channels: int, width: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class FpnNeck(nn.Module):
    """Levels 2 and 3 (counted from high to low resolution) receive the level below, enlarged."""

    def __init__(self, channels: list[int], width: int):
        super().__init__()
        self.convs = nn.ModuleList(Lateral(each, width) for each in reversed(channels))

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        levels: list[Tensor] = []
        for conv, stage, level in zip(self.convs, reversed(stages), range(len(stages) - 1, -1, -1)):
            lateral = conv(stage)
            if levels and level in (2, 3):
                lateral = lateral + F.interpolate(levels[0].float(), scale_factor=2.0, mode="nearest")
            levels.insert(0, lateral)
        return levels


class ImageEncoder(nn.Module):
    def __init__(self, size: str, width: int):
        super().__init__()
        self.trunk = Hiera(**TRUNKS[size])
        self.neck = FpnNeck(self.trunk.channels, width)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Levels `[B, width, h, w]` from high to low resolution, the lowest one dropped."""
        return self.neck(self.trunk(image))[:-1]
