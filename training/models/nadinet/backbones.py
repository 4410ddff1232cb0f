"""Encoders with five levels, on torchvision's modules and key names.

A backbone has ``channels`` and ``strides`` of its levels, finest first; ``forward`` gives the feature maps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.models import densenet201, resnet34
from torchvision.models.resnet import BasicBlock
from torchvision.models.vgg import cfgs, make_layers

Features = list[Tensor]


class Backbone(nn.Module, ABC):
    """Five feature maps of a picture; each stride divides the next one.

    Attributes:
        weights_of: whose pretrained weights fit, by the name in ``pretrained.BACKBONES``; "" when none do.
        fresh: beginnings of the names that these weights do not hold.
    """

    channels: tuple[int, int, int, int, int]
    strides: tuple[int, int, int, int, int]
    weights_of = ""
    fresh: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, picture: Tensor) -> Features:
        """[N,3,H,W], normalised, H and W multiples of the last stride -> five maps, finest first."""


class DenseNet201(Backbone):
    """Stem, three transitions, and the last dense block without the final norm (18,089,088 parameters)."""

    channels = (64, 128, 256, 896, 1920)
    strides = (4, 8, 16, 32, 32)
    weights_of = "densenet201"

    def __init__(self) -> None:
        super().__init__()
        self.features = densenet201(weights=None).features
        del self.features.norm5

    def forward(self, picture: Tensor) -> Features:
        """Levels: h1 after the pooling, h2 to h4 after the transitions, h5 after the last block."""
        maps: Features = []
        x = picture
        for name, layer in self.features.named_children():
            x = layer(x)
            if name in ("pool0", "transition1", "transition2", "transition3", "denseblock4"):
                maps.append(x)
        return maps


class Vgg16(Backbone):
    """VGG16 with batch norm, each level before its pooling, so that h1 has the picture's own size.

    ``h1_stride`` 4 pools every level by four: a 16th of the decoder's work, the same parameters.
    """

    channels = (64, 128, 256, 512, 512)
    weights_of = "vgg16_bn"

    def __init__(self, h1_stride: Literal[1, 4] = 1) -> None:
        super().__init__()
        # vgg16_bn() would first fill 120 million weights of its classifier.
        self.features = make_layers(cfgs["D"], batch_norm=True)[:-1]
        for module in self.features.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        s = h1_stride
        self.strides = (s, 2 * s, 4 * s, 8 * s, 16 * s)
        self.shrink = nn.MaxPool2d(s) if s > 1 else nn.Identity()

    def forward(self, picture: Tensor) -> Features:
        """Levels: the last ReLU before each of the five poolings."""
        maps: Features = []
        x = picture
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(self.shrink(x))
            x = layer(x)
        return [*maps, self.shrink(x)]


class ResNet34(Backbone):
    """ResNet-34 behind a 3x3 stem of stride 1, with three more blocks at the end (as in BASNet).

    ``h1_stride`` 4 is torchvision's own stem (7x7 of stride 2 and a pooling), which has weights to load.
    """

    channels = (64, 128, 256, 512, 512)
    weights_of = "resnet34"
    fresh: tuple[str, ...] = ("extra",)

    def __init__(self, h1_stride: Literal[1, 4] = 1) -> None:
        super().__init__()
        net = resnet34(weights=None)
        self.pool: nn.Module = nn.Identity()
        self.conv1, self.bn1 = net.conv1, net.bn1
        if h1_stride == 1:
            self.conv1 = nn.Conv2d(3, 64, 3, padding=1)
            self.fresh = ("conv1", "bn1", "extra")
        else:
            self.pool = net.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = net.layer1, net.layer2, net.layer3, net.layer4
        self.extra = nn.Sequential(nn.MaxPool2d(2), *(BasicBlock(512, 512) for _ in range(3)))
        s = h1_stride
        self.strides = (s, 2 * s, 4 * s, 8 * s, 16 * s)

    def forward(self, picture: Tensor) -> Features:
        """Levels: the four layers of the ResNet, and the additional blocks after a pooling."""
        x = self.pool(torch.relu(self.bn1(self.conv1(picture))))
        maps: Features = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4, self.extra):
            x = layer(x)
            maps.append(x)
        return maps


class SlimResNet(Backbone):
    """A narrow residual network of torchvision's basic blocks, for the light student: ReLU and batch norm.

    Widths w, 2w, 4w, 8w, 8w; one block at the finest level, two at each of the others.
    """

    def __init__(self, width: int, h1_stride: Literal[2, 4] = 2) -> None:
        super().__init__()
        self.channels = (width, 2 * width, 4 * width, 8 * width, 8 * width)
        s = h1_stride
        self.strides = (s, 2 * s, 4 * s, 8 * s, 16 * s)
        stem = [nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        if h1_stride == 4:
            stem.append(nn.MaxPool2d(2))
        self.stages = nn.ModuleList([nn.Sequential(*stem, BasicBlock(width, width))])
        for inputs, outputs in zip(self.channels[:-1], self.channels[1:], strict=True):
            self.stages.append(nn.Sequential(_halving(inputs, outputs), BasicBlock(outputs, outputs)))

    def forward(self, picture: Tensor) -> Features:
        """Levels: the five stages."""
        maps: Features = []
        x = picture
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def _halving(inputs: int, outputs: int) -> BasicBlock:
    shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))
    return BasicBlock(inputs, outputs, 2, shortcut)
