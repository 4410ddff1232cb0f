"""Streets and caves in RGB and thermal, labelled pixel by pixel: MFNet, MSRS, FMB, PST900."""

from __future__ import annotations

from rigsight.training.data.layouts.grouping import runs
from rigsight.training.data.layouts.layout import Files, classes_of
from rigsight.training.data.spec import Labels

_MFNET_CLASSES = classes_of(
    ("unlabelled", "car", "person", "bike", "curve", "car_stop", "guardrail", "color_cone", "bump"),
    (
        (0, 0, 0),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
        (0, 0, 192),
        (128, 128, 0),
        (64, 64, 128),
        (192, 128, 128),
        (192, 64, 0),
    ),
)
_FMB_CLASSES = classes_of(
    (
        "unlabelled",
        "road",
        "sidewalk",
        "building",
        "lamp",
        "sign",
        "vegetation",
        "sky",
        "person",
        "car",
        "truck",
        "bus",
        "motorcycle",
        "bicycle",
        "pole",
    ),
    (
        (0, 0, 0),
        (228, 228, 179),
        (133, 57, 181),
        (177, 162, 67),
        (50, 178, 200),
        (199, 45, 132),
        (84, 172, 66),
        (79, 73, 179),
        (166, 99, 76),
        (253, 121, 66),
        (91, 165, 137),
        (152, 97, 155),
        (140, 153, 105),
        (158, 215, 222),
        (90, 113, 135),
    ),
)
_PST_CLASSES = classes_of(
    ("background", "fire_extinguisher", "backpack", "hand_drill", "survivor"),
    ((0, 0, 0), (220, 40, 40), (60, 160, 60), (60, 90, 220), (250, 250, 250)),
)
# Frames of one drive follow each other closely; PST900's names count video frames.
_VIDEO = runs(5)

mfnet = Files(
    about="MFNet: 1569 street pictures of 4 channels, 640x480; images/, labels/, {train,val,test}.txt",
    licence="not stated; ask the authors",
    source="Ha et al., MFNet, IROS 2017, mi.t.u-tokyo.ac.jp/static/projects/mil_multispectral",
    modalities={"rgb": "images/{stem}.png", "thermal": "images/{stem}.png"},
    labels=Labels(kind="masks", pattern="labels/{stem}.png"),
    classes=_MFNET_CLASSES,
    lists={"train.txt": "train", "val.txt": "val", "test.txt": "test"},
    grouping=_VIDEO,
)
msrs = Files(
    about="MSRS: 1083 + 361 aligned street pairs, 640x480; {train,test}/{vi,ir,Segmentation_labels}",
    licence="not stated; pictures of MFNet",
    source="Tang et al., PIAFusion, Information Fusion 2022, github.com/Linfeng-Tang/MSRS",
    modalities={"rgb": "{folder}/vi/{name}.png", "thermal": "{folder}/ir/{name}.png"},
    labels=Labels(kind="masks", pattern="{folder}/Segmentation_labels/{name}.png"),
    classes=_MFNET_CLASSES,
    folders={"train": "train", "test": "test"},
    grouping=_VIDEO,
)
fmb = Files(
    about="FMB: 1220 + 280 street pairs, 800x600; {train,test}/{Visible,Infrared,Label}",
    licence="not stated; ask the authors",
    source="Liu et al., SegMiF, ICCV 2023, github.com/JinyuanLiu-CV/SegMiF",
    modalities={"rgb": "{folder}/Visible/{name}.png", "thermal": "{folder}/Infrared/{name}.png"},
    labels=Labels(kind="masks", pattern="{folder}/Label/{name}.png"),
    classes=_FMB_CLASSES,
    folders={"train": "train", "test": "test"},
    grouping=_VIDEO,
)
pst900 = Files(
    about="PST900: 894 pairs from caves, 1280x720, thermal after AGC; {train,test}/{rgb,thermal,labels}",
    licence="GPL-3.0 of the repository; none of its own for the pictures",
    source="Shivakumar et al., PST900, ICRA 2020, github.com/ShreyasSkandanS/pst900_thermal_rgb",
    modalities={"rgb": "{folder}/rgb/{name}.png", "thermal": "{folder}/thermal/{name}.png"},
    labels=Labels(kind="masks", pattern="{folder}/labels/{name}.png"),
    classes=_PST_CLASSES,
    folders={"train": "train", "test": "test"},
    grouping=_VIDEO,
)
pst900_counts = Files(
    about="PST900 with the raw 16-bit thermal pictures; {train,test}/{rgb,thermal_raw,labels}",
    licence=pst900.licence,
    source=pst900.source,
    modalities={"rgb": "{folder}/rgb/{name}.png", "thermal": "{folder}/thermal_raw/{name}.png"},
    labels=pst900.labels,
    classes=_PST_CLASSES,
    folders=pst900.folders,
    grouping=_VIDEO,
    counts=True,
)
