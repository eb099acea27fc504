"""SAM 2's memory encoder and memory attention."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .parts import LayerNorm2d, RotaryAttention


class MaskDownSampler(nn.Module):
    """Halves the mask four times while its channels grow."""

    def __init__(self, width: int):
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (1, 4, 16, 64):
            layers += [nn.Conv2d(channels, 4 * channels, 3, 2, 1), LayerNorm2d(4 * channels), nn.GELU()]
        self.encoder = nn.Sequential(*layers, nn.Conv2d(256, width, 1))

    def forward(self, mask: Tensor) -> Tensor:
        return self.encoder(mask)


class CXBlock(nn.Module):
    """ConvNeXt block."""

    def __init__(self, width: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = LayerNorm2d(width)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    def __init__(self, width: int, count: int = 2):
        super().__init__()
        self.layers = nn.ModuleList(CXBlock(width) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class MemoryEncoder(nn.Module):
    def __init__(self, width: int, memory_width: int):
        super().__init__()
        self.mask_downsampler = MaskDownSampler(width)
        self.pix_feat_proj = nn.Conv2d(width, width, 1)
        self.fuser = Fuser(width)
        self.out_proj = nn.Conv2d(width, memory_width, 1)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Image features `[B or 1, C, h, w]` and a scaled mask `[B, 1, 16h, 16w]`."""
        return self.out_proj(self.fuser(self.pix_feat_proj(image) + self.mask_downsampler(mask)))


class MemoryAttentionLayer(nn.Module):
    def __init__(self, width: int, memory_width: int, hidden: int = 2048):
        super().__init__()
        self.self_attn = RotaryAttention(width, heads=1)
        self.cross_attn_image = RotaryAttention(width, heads=1, key_width=memory_width)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)

    def forward(self, x: Tensor, memory: Tensor, positions: Tensor, grid: tuple[int, int], placeless: int) -> Tensor:
        own = self.norm1(x)
        x = x + self.self_attn(own, own, own, grid)
        x = x + self.cross_attn_image(self.norm2(x), memory + positions, memory, grid, placeless)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class MemoryAttention(nn.Module):
    def __init__(self, width: int, memory_width: int, count: int = 4):
        super().__init__()
        self.layers = nn.ModuleList(MemoryAttentionLayer(width, memory_width) for _ in range(count))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, position: Tensor, memory: Tensor, positions: Tensor, grid, placeless: int) -> Tensor:
        """Tokens of the image `[B, h·w, C]` look at themselves and at memories `[B, M, memory width]`."""
        x = x + 0.1 * position
        for layer in self.layers:
            x = layer(x, memory, positions, grid, placeless)
        return self.norm(x)
