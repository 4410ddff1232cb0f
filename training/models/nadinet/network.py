"""NaDiNet for no-service rail surface defects (Li et al.), with three backbones and as a light student.

Sizes and parameter counts are those of the published code; docs/fidelity.md says where the paper differs.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.base.schema import StrictModel, explain
from rigsight.training import codes
from rigsight.training.models.nadinet.backbones import Backbone, DenseNet201, ResNet34, SlimResNet, Vgg16
from rigsight.training.models.nadinet.decoder import Decoder
from rigsight.training.models.pretrained import load_backbone
from rigsight.training.models.provenance import PretrainedWeights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class NaDiNetOptions(StrictModel):
    """The defaults are the published network, except for ``input_scale``."""

    channels: int = Field(default=128, ge=16, description="width of the decoder")
    nam: bool = Field(default=True, description="normalised channel attention; false: levels as they are")
    dib: bool = Field(default=True, description="dual-scale interaction; false: three convolutions")
    align_corners: bool = Field(default=True, description="of every bilinear resizing")
    input_scale: Literal["fixed", "image_max"] = Field(
        default="fixed",
        description="image_max divides each picture by its largest value, as the code does; in a stream that "
        "makes one bright pixel darken everything else",
    )
    backbone_weights: str | None = Field(
        default=None, description="'download', or a file of torchvision's; none: from scratch"
    )


class StridedOptions(NaDiNetOptions):
    """Of the VGG16 and ResNet-34 variants."""

    h1_stride: Literal[1, 4] = Field(
        default=1,
        description="stride of the finest level; 4, not the paper's, costs a 6th (VGG) or 16th (ResNet)",
    )


class EdgeOptions(NaDiNetOptions):
    """Of the light student: at most 15 GMAC at 480x640."""

    channels: int = Field(default=32, ge=16, description="width of the decoder")
    align_corners: bool = Field(default=False, description="of every bilinear resizing")
    backbone_weights: None = Field(default=None, description="there are none; distil it from a teacher")
    width: int = Field(default=16, ge=8, description="channels of the finest level of the backbone")
    h1_stride: Literal[2, 4] = Field(default=2, description="stride of the finest level; 4 costs a quarter")


Options = TypeVar("Options", bound=NaDiNetOptions)


class NaDiNet(nn.Module):
    """Backbone and decoder; one foreground class.

    Attributes:
        options: what it was built with, defaults included.
        task: "binary".
        inputs: one RGB picture; a grey one three times over.
        pretrained: where the backbone's weights came from, if they were loaded.
    """

    task = "binary"
    inputs = ("rgb",)
    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, options: NaDiNetOptions) -> None:
        super().__init__()
        self.options = options
        self.backbone = backbone
        self.decoder = Decoder(
            backbone.channels,
            options.channels,
            nam=options.nam,
            dib=options.dib,
            align_corners=options.align_corners,
        )
        self.decoder.initialise()
        self.pretrained: tuple[PretrainedWeights, ...] = ()
        if options.backbone_weights is not None:
            name, weights = backbone.weights_of, options.backbone_weights
            self.pretrained = (load_backbone(backbone, name, weights, fresh=backbone.fresh),)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, rgb: Tensor) -> dict[str, Tensor | list[Tensor]]:
        """Foreground logits.

        Args:
            rgb: float [N,3,H,W] in [0, 1], any size; what is no multiple of the backbone's last stride is
                continued by its border and cut off again.

        Returns:
            ``logits`` [N,1,H,W], the paper's S1; when training also ``sides``, S2 to S6 of the same shape.
        """
        height, width = rgb.shape[2:]
        step = self.backbone.strides[-1]
        padded = _continued(rgb, -height % step, -width % step)
        maps = self.decoder(self.backbone(self._normalise(padded)), every=self.training)
        full = [
            F.interpolate(
                each, size=padded.shape[2:], mode="bilinear", align_corners=self.options.align_corners
            )[:, :, :height, :width]
            for each in maps
        ]
        return {"logits": full[0], "sides": full[1:]} if self.training else {"logits": full[0]}

    def _normalise(self, rgb: Tensor) -> Tensor:
        if self.options.input_scale == "image_max":
            rgb = rgb / rgb.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1 / 255)
        return (rgb - self.mean) / self.std


def _continued(picture: Tensor, below: int, right: int) -> Tensor:
    """The picture with its border pixels repeated; as it is when nothing is to be added."""
    return F.pad(picture, (0, right, 0, below), mode="replicate") if below or right else picture


def nadinet_densenet201(**options: Any) -> NaDiNet:
    """The paper's main network, 36,055,367 parameters; :class:`NaDiNetOptions`. Raises TRN-102 to 105."""
    return NaDiNet(DenseNet201(), _options(NaDiNetOptions, options))


def nadinet_vgg16(**options: Any) -> NaDiNet:
    """30,625,031 parameters; options as in :class:`StridedOptions`. Raises TRN-102 to 105."""
    checked = _options(StridedOptions, options)
    return NaDiNet(Vgg16(checked.h1_stride), checked)


def nadinet_resnet34(**options: Any) -> NaDiNet:
    """51,340,871 parameters; options as in :class:`StridedOptions`. Raises TRN-102 to 105."""
    checked = _options(StridedOptions, options)
    return NaDiNet(ResNet34(checked.h1_stride), checked)


def nadinet_edge(**options: Any) -> NaDiNet:
    """The light student; options as in :class:`EdgeOptions`. Raises TRN-102."""
    checked = _options(EdgeOptions, options)
    return NaDiNet(SlimResNet(checked.width, checked.h1_stride), checked)


def _options(kind: type[Options], options: dict[str, Any]) -> Options:
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        raise codes.MODEL_OPTIONS(explain(error, kind), where="model.options") from error
