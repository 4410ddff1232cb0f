"""The BNSA module: squeeze-and-attention in bottlenecks (Wang & Ren, Symmetry 2025, section 3.2)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from rigsight.training.models.blocks import ConvNormAct, resize_like

Up = Literal["deconv", "bilinear"]
RATIO = 4


def _path(channels: int) -> nn.Sequential:
    """1x1, 3x3, 3x3, 1x1 with a quarter of the channels inside; all with bias, batch norm and ReLU."""
    inner = channels // RATIO
    sizes = [(channels, inner, 1), (inner, inner, 3), (inner, inner, 3), (inner, channels, 1)]
    return nn.Sequential(
        *(ConvNormAct(inputs, outputs, kernel, act=nn.ReLU()) for inputs, outputs, kernel in sizes)
    )


class Bnsa(nn.Module):
    """X_out = X_attn X_res + X_attn, eq. 2, with X_res = F(X) and X_attn = Up(ReLU(F_attn(AvgPool(X)))).

    ``up="deconv"`` (a 2x2 transposed convolution and batch norm) is the reading whose size is the paper's:
    1,906,944 parameters at 512 channels and 7,614,976 at 1024. There is no way round the module: what it
    gives is all that goes on.
    """

    def __init__(self, channels: int, up: Up = "deconv") -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2, ceil_mode=True)
        self.attention = _path(channels)
        self.main = _path(channels)
        self.up: nn.Module | None = None
        if up == "deconv":
            self.up = nn.Sequential(
                nn.ConvTranspose2d(channels, channels, 2, 2, bias=False), nn.BatchNorm2d(channels)
            )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> the same shape; odd sizes are rounded up inside and cut off again."""
        attention: Tensor = self.attention(self.pool(x))
        if self.up is None:
            attention = resize_like(attention, x)
        else:
            attention = self.up(attention)[:, :, : x.shape[2], : x.shape[3]]
        result: Tensor = attention * (self.main(x) + 1)
        return result
