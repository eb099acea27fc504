"""SAM's image encoder (Kirillov et al. 2023), a ViT with windows and relative positions, and SAM-Med2D's with adapters, in plain PyTorch.

The parameter names are the official ones. Attention is the fused operator with the relative positions as its mask, as current
implementations do it; the first official code multiplied the matrices one by one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2.image_encoder import join_windows, split_windows
from sam2.parts import LayerNorm2d

# The encoders of the official models.
ENCODERS = {
    "sam_vit_b": {"image_size": 1024, "width": 768, "depth": 12, "heads": 12, "whole": (2, 5, 8, 11)},
    "sam_vit_l": {"image_size": 1024, "width": 1024, "depth": 24, "heads": 16, "whole": (5, 11, 17, 23)},
    "sam_vit_h": {"image_size": 1024, "width": 1280, "depth": 32, "heads": 16, "whole": (7, 15, 23, 31)},
    "sam-med2d_b": {"image_size": 256, "width": 768, "depth": 12, "heads": 12, "whole": (2, 5, 8, 11), "adapter": True},
}

PATCH, WINDOW, OUT = 16, 14, 256


def relative(table: Tensor, extent: int) -> Tensor:
    """`[2·extent - 1, C]` to the vectors from every place to every place `[extent, extent, C]`."""
    places = torch.arange(extent)
    return table[places[:, None] - places[None, :] + extent - 1]


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, extent: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * extent - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * extent - 1, width // heads))

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, _ = x.shape
        q, k, v = self.qkv(x).view(batch, height * width, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=self.positions(q, height, width))
        return self.proj(x.transpose(1, 2).reshape(batch, height, width, -1))

    def positions(self, q: Tensor, height: int, width: int) -> Tensor:
        """What the queries `[B, heads, H·W, C]` add for rows and columns, `[B, heads, H·W, H·W]`."""
        grid = q.unflatten(2, (height, width))
        rows = torch.einsum("bnhwc,hkc->bnhwk", grid, relative(self.rel_pos_h, height))
        columns = torch.einsum("bnhwc,wkc->bnhwk", grid, relative(self.rel_pos_w, width))
        return (rows[..., :, None] + columns[..., None, :]).flatten(4).flatten(2, 3)


class Mlp(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.lin1 = nn.Linear(width, 4 * width)
        self.lin2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(F.gelu(self.lin1(x)))


class Adapter(nn.Module):
    """SAM-Med2D: gates the channels, adds a pass through half the resolution, normalises."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.channel = nn.Sequential(
            nn.Linear(width, width // 4, bias=False),
            nn.ReLU(),
            nn.Linear(width // 4, width, bias=False),
            nn.Sigmoid(),
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(width, width, 3, 2, 1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, 2, 1, bias=False),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        gated = self.channel(x.mean((2, 3)))[..., None, None] * x
        return self.norm((x + self.spatial(gated)).permute(0, 2, 3, 1))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, window: int, extent: int, adapter: bool):
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads, window or extent)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)
        if adapter:
            self.Adapter = Adapter(width)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm1(x)
        if self.window > 0:
            windows, count = split_windows(normed, self.window)
            attended = join_windows(self.attn(windows), count, x.shape[1:3])
        else:
            attended = self.attn(normed)
        x = x + attended
        normed = self.norm2(x)
        x = x + self.mlp(normed)
        return x + self.Adapter(normed) if hasattr(self, "Adapter") else x


class PatchEmbed(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)

    def forward(self, image: Tensor) -> Tensor:
        return self.proj(image).permute(0, 2, 3, 1)


class ImageEncoder(nn.Module):
    def __init__(self, image_size: int, width: int, depth: int, heads: int, whole, adapter: bool = False):
        super().__init__()
        extent = image_size // PATCH
        self.pos_embed = nn.Parameter(torch.zeros(1, extent, extent, width))
        self.patch_embed = PatchEmbed(width)
        windows = [0 if index in whole else WINDOW for index in range(depth)]
        self.blocks = nn.ModuleList(Block(width, heads, window, extent, adapter) for window in windows)
        self.neck = nn.Sequential(
            nn.Conv2d(width, OUT, 1, bias=False),
            LayerNorm2d(OUT),
            nn.Conv2d(OUT, OUT, 3, padding=1, bias=False),
            LayerNorm2d(OUT),
        )

    def forward(self, image: Tensor) -> Tensor:
        """`[B, 3, S, S]` to `[B, 256, S/16, S/16]`."""
        x = self.patch_embed(image) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.neck(x.permute(0, 3, 1, 2))
