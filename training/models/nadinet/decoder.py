"""What stands behind NaDiNet's backbone: channel reduction, GCM, five NAMs, five DIBs, six heads."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from rigsight.training.models.blocks import ConvNormAct
from rigsight.training.models.nadinet.dib import Dib, PlainBlock
from rigsight.training.models.nadinet.gcm import Gcm
from rigsight.training.models.nadinet.nam import Nam

LEVELS = 5


class Decoder(nn.Module):
    """Five feature maps -> six one-channel maps at the sizes of their levels (NaDiNet, section III-A).

    Without ``nam`` the levels are taken as they are, without ``dib`` they are joined by plain blocks: the
    variants of the paper's Table II.
    """

    def __init__(
        self, inputs: Sequence[int], channels: int, *, nam: bool, dib: bool, align_corners: bool
    ) -> None:
        super().__init__()
        block = Dib if dib else PlainBlock
        self.reduce = nn.ModuleList(
            ConvNormAct(width, channels, act=nn.ReLU(inplace=True)) for width in inputs
        )
        self.gcm = Gcm(channels)
        self.nam = nn.ModuleList(Nam() if nam else nn.Identity() for _ in range(LEVELS))
        self.join = nn.ModuleList(block(channels, align_corners) for _ in range(LEVELS))
        self.heads = nn.ModuleList(nn.Conv2d(channels, 1, 1) for _ in range(LEVELS + 1))

    def forward(self, features: Sequence[Tensor], every: bool) -> list[Tensor]:
        """Logits S1 to S6, [N,1,h,w] each, S6 from the GCM; S1 alone unless ``every``."""
        levels = [reduce(x) for reduce, x in zip(self.reduce, features, strict=True)]
        context = self.gcm(levels[-1])
        x: Tensor = context
        maps: list[Tensor] = []
        for level in reversed(range(LEVELS)):
            x = self.join[level](self.nam[level](levels[level]), x)
            if every or level == 0:
                maps.insert(0, self.heads[level](x))
        return [*maps, self.heads[-1](context)] if every else maps

    def initialise(self) -> None:
        """He's normal weights by fan-out (the paper says "Kaiming"); by fan-in where one map comes out.

        A head has a fan-out of 1: by that its logits would start far out in the sigmoid's tails.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module.out_channels > 1:
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                else:
                    nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="linear")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
