"""SAM 2.1 (Ravi et al. 2024) in plain PyTorch: encoding an image, answering points on it, and segmenting a slice from memory.

Written for measurements beside the TypeScript side: the same layers, shapes and parameter names (the official ones), as PyTorch users write
them. Boxes and given masks are left out, since no row measures them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .heads import MaskDecoder, PromptEncoder
from .image_encoder import ImageEncoder
from .memory import MemoryAttention, MemoryEncoder
from .parts import Mlp, SinePosition, sine_of_distances


class Sam2(nn.Module):
    def __init__(self, image_size: int, size: str = "t", width: int = 256, memory_width: int = 64, memories: int = 7):
        super().__init__()
        self.image_size = image_size
        self.memory_width = memory_width
        self.maskmem_tpos_enc = nn.Parameter(torch.zeros(memories, 1, 1, memory_width))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, width))
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, width))
        self.no_obj_ptr = nn.Parameter(torch.zeros(1, width))
        self.no_obj_embed_spatial = nn.Parameter(torch.zeros(1, memory_width))
        self.image_encoder = ImageEncoder(size, width)
        self.mask_downsample = nn.Conv2d(1, 1, 4, 4)
        self.memory_attention = MemoryAttention(width, memory_width)
        self.memory_encoder = MemoryEncoder(width, memory_width)
        self.sam_prompt_encoder = PromptEncoder(width, image_size // 16, image_size)
        self.sam_mask_decoder = MaskDecoder(width)
        self.obj_ptr_proj = Mlp(width, width, width, width)
        self.obj_ptr_tpos_proj = nn.Linear(width, memory_width)
        self.position = SinePosition(width)
        self.memory_position = SinePosition(memory_width)

    def encode_image(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """`[B, 3, S, S]` to features `[B, C, S/16, S/16]` and projected features of stride 4 and 8."""
        high, middle, features = self.image_encoder(image)
        return features, [self.sam_mask_decoder.conv_s0(high), self.sam_mask_decoder.conv_s1(middle)]

    def answer(self, features: Tensor, high_res: list[Tensor], coords: Tensor, labels: Tensor):
        """Points `[B, N, 2]` in pixels with labels `[B, N]` on an image without memory.

        Returns mask logits `[B, 1, S, S]`, the pointer `[B, C]` and the object score `[B, 1]`.
        """
        return self.decode(features + self.no_mem_embed.view(1, -1, 1, 1), high_res, coords, labels)

    def track(self, features: Tensor, high_res: list[Tensor], memories, pointers):
        """One slice from memory alone.

        memories: list of (features `[B, memory width, h, w]`, distance, 0 for a conditioning slice);
        pointers: list of (pointer `[B, C]`, distance).
        Returns mask logits `[B, 1, S, S]`, the pointer `[B, C]` and the new memory `[B, memory width, h, w]`.
        """
        conditioned = self.condition(features, memories, pointers)
        batch = conditioned.shape[0]
        nothing = torch.zeros(batch, 1, 2), torch.full((batch, 1), -1)
        masks, pointer, score = self.decode(conditioned, high_res, *nothing)
        return masks, pointer, self.encode_memory(features, masks, score)

    def condition(self, features: Tensor, memories, pointers) -> Tensor:
        grid = tuple(features.shape[-2:])
        place = self.memory_position(*grid).flatten(2).transpose(1, 2)
        values = [memory.flatten(2).transpose(1, 2) for memory, _ in memories]
        positions = [place + self.maskmem_tpos_enc[distance - 1] for _, distance in memories]

        stacked = torch.stack([pointer for pointer, _ in pointers], dim=1)
        per_pointer = stacked.shape[-1] // self.memory_width
        values.append(stacked.unflatten(-1, (per_pointer, self.memory_width)).flatten(1, 2))
        distances = torch.tensor([float(distance) for _, distance in pointers]) / 15
        times = self.obj_ptr_tpos_proj(sine_of_distances(distances, stacked.shape[-1]))
        positions.append(times.repeat_interleave(per_pointer, dim=0)[None])

        objects = values[0].shape[0]
        tokens = features.flatten(2).transpose(1, 2).expand(objects, -1, -1)
        position = self.position(*grid).flatten(2).transpose(1, 2)
        placeless = per_pointer * len(pointers)
        read = self.memory_attention(
            tokens, position, torch.cat(values, dim=1), torch.cat(positions, dim=1), grid, placeless
        )
        return read.transpose(1, 2).unflatten(-1, grid)

    def decode(self, features: Tensor, high_res: list[Tensor], coords: Tensor, labels: Tensor):
        """The best of the three alternatives."""
        batch = coords.shape[0]
        sparse, dense = self.sam_prompt_encoder(coords, labels)
        position = self.sam_prompt_encoder.dense_position()
        masks, ious, tokens, score = self.sam_mask_decoder(features, position, sparse, dense, high_res)
        present = score > 0
        masks = torch.where(present[..., None, None], masks, -1024.0)
        rows, best = torch.arange(batch), ious.argmax(-1)
        enlarged = F.interpolate(masks[rows, best][:, None], (self.image_size, self.image_size), mode="bilinear")
        pointer = present * self.obj_ptr_proj(tokens[rows, best]) + ~present * self.no_obj_ptr
        return enlarged, pointer, score

    def encode_memory(self, features: Tensor, masks: Tensor, score: Tensor) -> Tensor:
        memory = self.memory_encoder(features, masks.sigmoid() * 20 - 10)
        absent = (score <= 0).float()[..., None, None]
        return memory + absent * self.no_obj_embed_spatial[..., None, None]
