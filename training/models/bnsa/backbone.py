"""ResNet, BNSA and feature pyramid. Module names are torchvision's, so that its state dicts load."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from torchvision.ops.misc import FrozenBatchNorm2d

from rigsight.training.models.bnsa.bnsa import Bnsa
from rigsight.training.models.bnsa.options import PLACES, BnsaOptions

STRIDE = 32
_STAGES = ("conv1", "layer1", "layer2", "layer3", "layer4")


class BnsaBackbone(nn.Module):
    """Picture -> P2 to P6. A BNSA sits between its stage and the pyramid: the next stage does not see it."""

    def __init__(self, options: BnsaOptions) -> None:
        super().__init__()
        norm = FrozenBatchNorm2d if options.norm == "frozen" else nn.BatchNorm2d
        body = getattr(resnet, options.backbone)(weights=None, norm_layer=norm)
        first = body.inplanes // 8
        channels = [first * 2**k for k in range(4)]
        self.body = IntermediateLayerGetter(body, {f"layer{k + 1}": str(k) for k in range(4)})
        self.bnsa = nn.ModuleDict(
            {str(PLACES.index(p)): Bnsa(channels[PLACES.index(p)], options.up) for p in options.places}
        )
        self.fpn = FeaturePyramidNetwork(channels, options.width, LastLevelMaxPool())
        for stage in _STAGES[: options.frozen_stages]:
            self.body[stage].requires_grad_(False)
        if options.frozen_stages:
            self.body["bn1"].requires_grad_(False)

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        """[N,3,H,W], normalised, sides multiples of 32 -> maps "0" to "3" and "pool" (1/4 to 1/64)."""
        stages: dict[str, Tensor] = self.body(picture)
        for key, module in self.bnsa.items():
            stages[key] = module(stages[key])
        pyramid: dict[str, Tensor] = self.fpn(stages)
        return pyramid
