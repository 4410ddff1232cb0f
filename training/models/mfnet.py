"""MFNet: two encoders, mini-inception blocks, one decoder with added skips (Ha et al., IROS 2017).

Both streams have the same layers and other widths; every convolution is 3x3 with batch norm and LeakyReLU
of slope 0.2, the last one too, as in the authors' published network.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.base.schema import StrictModel, explain
from rigsight.training import codes
from rigsight.training.models.blocks import ConvNormAct

RGB_WIDTHS = (16, 48, 48, 96)
IR_WIDTHS = (16, 16, 16, 36)
DECODER_WIDTHS = (64, 64, 32)
SMALLEST = 16  # pixels a side: four poolings


class MfNetOptions(StrictModel):
    """The defaults are the paper's network for a defect and its background."""

    classes: int = Field(default=2, ge=2, le=255)
    ir_channels: Literal[1, 3] = Field(
        default=1, description="3 for pseudo-coloured pictures; grey ones are repeated then"
    )


def conv(inputs: int, outputs: int, dilation: int = 1) -> ConvNormAct:
    """The network's one kind of convolution."""
    return ConvNormAct(inputs, outputs, dilation=dilation, act=nn.LeakyReLU(0.2))


class MiniInception(nn.Module):
    """Three pairs of convolutions, a plain one beside one of dilation 2, half of the channels each."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        widths = (inputs, outputs, outputs)
        self.near = nn.ModuleList(conv(width, outputs // 2) for width in widths)
        self.far = nn.ModuleList(conv(width, outputs // 2, dilation=2) for width in widths)

    def forward(self, x: Tensor) -> Tensor:
        """[N,inputs,H,W] -> [N,outputs,H,W]."""
        for near, far in zip(self.near, self.far, strict=True):
            x = torch.cat([near(x), far(x)], dim=1)
        return x


class Stream(nn.Module):
    """The encoder of one modality: five stages, the first four followed by 2x2 max pooling."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, last = widths
        self.stages = nn.ModuleList(
            [
                conv(inputs, first),
                nn.Sequential(conv(first, second), conv(second, second)),
                nn.Sequential(conv(second, third), conv(third, third)),
                MiniInception(third, last),
                MiniInception(last, last),
            ]
        )

    def run(self, x: Tensor, first: int, last: int) -> list[Tensor]:
        """Outputs of stages ``first`` to ``last`` (1 to 5), a pooling before each but stage 1."""
        found = []
        for number in range(first, last + 1):
            x = self.stages[number - 1](x if number == 1 else F.max_pool2d(x, 2))
            found.append(x)
        return found


class MfNet(nn.Module):
    """736,275 parameters for nine classes, 734,238 for two."""

    task: ClassVar[str] = "semantic"
    inputs: ClassVar[tuple[str, ...]] = ("rgb", "thermal")
    options: MfNetOptions

    def __init__(self, options: MfNetOptions) -> None:
        super().__init__()
        self.options = options
        self.rgb = Stream(3, RGB_WIDTHS)
        self.ir = Stream(options.ir_channels, IR_WIDTHS)
        joint, (four, three, two) = RGB_WIDTHS[3] + IR_WIDTHS[3], DECODER_WIDTHS
        self.decode4, self.decode3, self.decode2 = conv(joint, four), conv(four, three), conv(three, two)
        self.decode1 = conv(two, options.classes)

    def forward(self, rgb: Tensor, thermal: Tensor) -> dict[str, Tensor]:
        """Logits of all classes.

        Args:
            rgb: float [N,3,H,W] in [0, 1], at least 16 pixels a side; zeros when missing.
            thermal: float [N,1,H,W] in [0, 1] ([N,3,H,W] too with three ``ir_channels``); zeros when missing.

        Returns:
            ``logits`` [N,classes,H,W]. The picture's sides need not be multiples of 16.

        Raises:
            ValueError: the picture is smaller than 16 pixels.
        """
        if min(rgb.shape[2:]) < SMALLEST:
            raise ValueError(
                f"pictures of {rgb.shape[3]}x{rgb.shape[2]}: MFNet needs {SMALLEST} pixels a side"
            )
        ir = thermal.expand(-1, self.options.ir_channels, -1, -1)
        _, rgb2, rgb3 = self.rgb.run(rgb, 1, 3)
        _, ir2, ir3 = self.ir.run(ir, 1, 3)
        rgb3 = self.gate_encoder(rgb3, ir3)
        rgb4, rgb5 = self.rgb.run(rgb3, 4, 5)
        ir4, ir5 = self.ir.run(ir3, 4, 5)
        x = self.decode4(_enlarged_plus(torch.cat([rgb5, ir5], dim=1), rgb4, ir4))
        x = self.decode3(_enlarged_plus(x, rgb3, ir3))
        x = self.decode2(_enlarged_plus(self.gate_decoder(x, ir3), rgb2, ir2))
        return {"logits": self.decode1(F.interpolate(x, size=rgb.shape[2:], mode="nearest"))}

    def gate_encoder(self, rgb3: Tensor, ir3: Tensor) -> Tensor:
        """RGB features of stage 3 before pooling and skip; here as they are."""
        return rgb3

    def gate_decoder(self, x: Tensor, ir3: Tensor) -> Tensor:
        """Decoder features before the third enlargement; here as they are."""
        return x


def _enlarged_plus(x: Tensor, rgb: Tensor, ir: Tensor) -> Tensor:
    """The "shortcut block": ``x`` enlarged (nearest) to the skips' size plus their concatenation."""
    return F.interpolate(x, size=rgb.shape[2:], mode="nearest") + torch.cat([rgb, ir], dim=1)


def mfnet(**options: Any) -> MfNet:
    """The network of the paper; options as in :class:`MfNetOptions`. Raises TRN-102."""
    try:
        return MfNet(MfNetOptions.model_validate(options))
    except ValidationError as error:
        raise codes.MODEL_OPTIONS(explain(error, MfNetOptions), where="model.options") from error
