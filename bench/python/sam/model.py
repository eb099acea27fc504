"""SAM in plain PyTorch: the encoder of image_encoder.py with SAM's prompt encoder and mask decoder, under the official parameter names."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sam2.heads import PromptEncoder, TwoWayTransformer
from sam2.parts import LayerNorm2d, Mlp

from .image_encoder import ENCODERS, OUT, PATCH, ImageEncoder


class MlpBlock(nn.Module):
    """SAM's decoder calls the two layers otherwise than SAM 2's."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(F.relu(self.lin1(x)))


class MaskDecoder(nn.Module):
    def __init__(self, width: int, masks: int = 4, hidden: int = 2048):
        super().__init__()
        self.masks = masks
        self.transformer = TwoWayTransformer(width)
        for layer in self.transformer.layers:
            layer.mlp = MlpBlock(width, hidden)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(masks, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, 2),
            LayerNorm2d(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, 2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(Mlp(width, width, width, width // 8) for _ in range(masks))
        self.iou_prediction_head = Mlp(width, width, width, masks)

    def forward(self, image: Tensor, position: Tensor, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
        """The three alternatives' mask logits and IoUs."""
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own.expand(sparse.shape[0], -1, -1), sparse], dim=1)
        read, pixels = self.transformer(image + dense, position, tokens)
        mask_tokens = read[:, 1 : 1 + self.masks]
        pixels = self.output_upscaling(pixels.transpose(1, 2).unflatten(-1, image.shape[-2:]))
        weights = torch.stack([mlp(mask_tokens[:, i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1)
        masks = (weights @ pixels.flatten(2)).unflatten(-1, pixels.shape[-2:])
        return masks[:, 1:], self.iou_prediction_head(read[:, 0])[:, 1:]


class Sam(nn.Module):
    def __init__(self, name: str):
        super().__init__()
        config = ENCODERS[name]
        image_size = config["image_size"]
        self.image_encoder = ImageEncoder(**config)
        self.prompt_encoder = PromptEncoder(OUT, image_size // PATCH, image_size)
        self.mask_decoder = MaskDecoder(OUT)

    def answer(self, features: Tensor, coords: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Points `[B, N, 2]` in pixels with labels `[B, N]`; low-resolution mask logits and IoUs of the three alternatives."""
        position = self.prompt_encoder.dense_position()
        return self.mask_decoder(features, position, *self.prompt_encoder(coords, labels))
