"""SAM 2's prompt encoder and mask decoder."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .parts import Attention, LayerNorm2d, Mlp, RandomPosition


class PromptEncoder(nn.Module):
    def __init__(self, width: int, grid: int, image_size: int, mask_channels: int = 16):
        super().__init__()
        self.width, self.grid, self.image_size = width, grid, image_size
        self.pe_layer = RandomPosition(width // 2)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, mask_channels // 4, 2, 2),
            LayerNorm2d(mask_channels // 4),
            nn.GELU(),
            nn.Conv2d(mask_channels // 4, mask_channels, 2, 2),
            LayerNorm2d(mask_channels),
            nn.GELU(),
            nn.Conv2d(mask_channels, width, 1),
        )
        self.no_mask_embed = nn.Embedding(1, width)

    def dense_position(self) -> Tensor:
        return self.pe_layer.dense(self.grid, self.grid)

    def forward(self, coords: Tensor, labels: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Points `[B, N, 2]` in pixels with labels -1 (padding) to 3 `[B, N]`; gains one padding point."""
        batch = coords.shape[0]
        coords = torch.cat([coords, coords.new_zeros(batch, 1, 2)], dim=1)
        labels = torch.cat([labels, labels.new_full((batch, 1), -1)], dim=1)
        places = self.pe_layer((coords + 0.5) / self.image_size)
        kinds = torch.cat([self.not_a_point_embed.weight, *(kind.weight for kind in self.point_embeddings)])
        sparse = places * (labels >= 0)[..., None] + kinds[labels + 1]
        if masks is not None:
            return sparse, self.mask_downscaling(masks)
        return sparse, self.no_mask_embed.weight.view(1, -1, 1, 1).expand(batch, -1, self.grid, self.grid)


class TwoWayAttentionBlock(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int, first: bool):
        super().__init__()
        self.first = first
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = Attention(width, heads, downsample=2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden, width)
        self.norm3 = nn.LayerNorm(width)
        self.norm4 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = Attention(width, heads, downsample=2)

    def forward(self, tokens: Tensor, image: Tensor, token_places: Tensor, image_places: Tensor):
        if self.first:
            tokens = self.norm1(self.self_attn(tokens, tokens, tokens))
        else:
            placed = tokens + token_places
            tokens = self.norm1(tokens + self.self_attn(placed, placed, tokens))
        keys = image + image_places
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + token_places, keys, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        written = self.cross_attn_image_to_token(keys, tokens + token_places, tokens)
        return tokens, self.norm4(image + written)


class TwoWayTransformer(nn.Module):
    def __init__(self, width: int, heads: int = 8, hidden: int = 2048, depth: int = 2):
        super().__init__()
        self.layers = nn.ModuleList(TwoWayAttentionBlock(width, heads, hidden, i == 0) for i in range(depth))
        self.final_attn_token_to_image = Attention(width, heads, downsample=2)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(self, image: Tensor, image_position: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        keys = image.flatten(2).transpose(1, 2)
        places = image_position.flatten(2).transpose(1, 2)
        queries = tokens
        for layer in self.layers:
            queries, keys = layer(queries, keys, tokens, places)
        read = self.final_attn_token_to_image(queries + tokens, keys + places, keys)
        return self.norm_final_attn(queries + read), keys


class MaskDecoder(nn.Module):
    def __init__(self, width: int, masks: int = 4):
        super().__init__()
        self.masks = masks
        self.transformer = TwoWayTransformer(width)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(masks, width)
        self.obj_score_token = nn.Embedding(1, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, 2),
            LayerNorm2d(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, 2),
            nn.GELU(),
        )
        self.conv_s0 = nn.Conv2d(width, width // 8, 1)
        self.conv_s1 = nn.Conv2d(width, width // 4, 1)
        self.output_hypernetworks_mlps = nn.ModuleList(Mlp(width, width, width, width // 8) for _ in range(masks))
        self.iou_prediction_head = Mlp(width, width, width, masks, sigmoid=True)
        self.pred_obj_score_head = Mlp(width, width, width, 1)

    def forward(self, image: Tensor, position: Tensor, sparse: Tensor, dense: Tensor, high_res: list[Tensor]):
        """The three alternatives: mask logits, IoUs, their tokens, and the object score."""
        batch = sparse.shape[0]
        own = torch.cat([self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own.expand(batch, -1, -1), sparse], dim=1)
        read, pixels = self.transformer(image + dense, position, tokens)
        mask_tokens = read[:, 2 : 2 + self.masks]

        enlarge, norm, gelu, enlarge_again, gelu_again = self.output_upscaling
        pixels = pixels.transpose(1, 2).unflatten(-1, image.shape[-2:])
        pixels = gelu(norm(enlarge(pixels) + high_res[1]))
        pixels = gelu_again(enlarge_again(pixels) + high_res[0])
        weights = torch.stack([mlp(mask_tokens[:, i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1)
        masks = (weights @ pixels.flatten(2)).unflatten(-1, pixels.shape[-2:])
        ious = self.iou_prediction_head(read[:, 1])
        return masks[:, 1:], ious[:, 1:], mask_tokens[:, 1:], self.pred_obj_score_head(read[:, 0])
