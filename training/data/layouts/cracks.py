"""Cracks in roads, concrete and river walls: DeepCrack, CrackForest, UAV, Crack500, METU, CODEBRIM."""

from __future__ import annotations

from rigsight.training.data.layouts.grouping import by_pattern, each, prefix, runs
from rigsight.training.data.layouts.layout import Files, classes_of
from rigsight.training.data.spec import Labels

_CLASSES = classes_of(("background", "crack"), ((0, 0, 0), (230, 60, 60)))


def _soft(pattern: str) -> Labels:
    """Binary masks whose edges may be smoothed, by scaling or by JPEG."""
    return Labels(kind="masks", pattern=pattern, encoding="threshold")


deepcrack = Files(
    about="DeepCrack: 300 + 237 pictures; {train,test}_img/*.jpg, {train,test}_lab/*.png. "
    "11158 is left out: it is test picture 11216",
    licence="non-commercial research and education only",
    source="Liu et al., DeepCrack, Neurocomputing 338, 2019, github.com/yhlleo/DeepCrack",
    modalities={"rgb": "{folder}_img/{name}.jpg"},
    labels=_soft("{folder}_lab/{name}.png"),
    classes=_CLASSES,
    folders={"train": "train", "test": "test"},
    # 11116-1 and 11116-2 are crops of 11116; that 11138 and 11183 are one crack, only the pictures tell.
    grouping=prefix,
    overlapping=True,
    left_out=frozenset({"train/11158"}),
)
# Of the marks 3 and 4 in 22 files nobody says whether they are cracks: they count nowhere.
crackforest = Files(
    about="CrackForest: 118 pictures of asphalt, 480x320; image/*.jpg, groundTruth/*.mat; "
    "001-072 train, 073-118 test, as most papers do",
    licence="non-commercial research only",
    source="Shi et al., IEEE T-ITS 17(12), 2016, github.com/cuilimeng/CrackForest-dataset",
    modalities={"rgb": "image/{stem}.jpg"},
    labels=Labels(
        kind="masks",
        pattern="groundTruth/{stem}.mat",
        encoding="mat",
        key="groundTruth.Segmentation",
        ids={1: 0, 2: 1, 3: 255, 4: 255},
    ),
    classes=_CLASSES,
    cut=(("072", "train"), ("118", "test")),
    anchor="labels",
    grouping=each,
)
uav = Files(
    about="UAV cracks: 315 tiles of drone photos, 448x448; images/*.png, masks/*.png, split_manifests/",
    licence="CC0-1.0",
    source="Kaggle, ziya07, UAV-Based Crack Detection Dataset; splits: "
    "github.com/jakki-Guan/ground-to-uav-crack-segmentation",
    modalities={"rgb": "images/{stem}.png"},
    labels=_soft("masks/{stem}.png"),
    classes=_CLASSES,
    lists={
        f"{folder}kaggle_{split}.txt": split
        for folder in ("split_manifests/", "")
        for split in ("train", "val", "test")
    },
    # Tiles of photos that overlap, in rows of about a dozen: names alone do not tell what overlaps.
    grouping=runs(15),
    overlapping=True,
)
crack500 = Files(
    about="Crack500: 1896 + 348 + 1124 crops of pavement; {train,val,test}crop/ with .jpg and .png in one",
    licence="not stated; ask the authors",
    source="Yang et al., Feature pyramid and hierarchical boosting, IEEE T-ITS 21(4), 2020, "
    "github.com/fyangneil/pavement-crack-detection",
    modalities={"rgb": "{folder}crop/{name}.jpg"},
    labels=_soft("{folder}crop/{name}.png"),
    classes=_CLASSES,
    folders={"train": "train", "val": "val", "test": "test"},
    # 20160222_081011_1_361 is a crop of the photo 20160222_081011.
    grouping=by_pattern(r"\d{8}_\d{6}"),
)
metu = Files(
    about="METU: 458 photos of concrete, about 4032x3024; rgb/, BW/",
    licence="CC-BY-4.0",
    source="Özgenel, Concrete Crack Segmentation Dataset, Mendeley Data, doi 10.17632/jwsn7tfbrp.1",
    modalities={"rgb": "rgb/{stem}.*"},
    labels=_soft("BW/{stem}.*"),
    classes=_CLASSES,
)
codebrim = Files(
    about="CODEBRIM: photos of bridges; images/, masks/ of your own (published are boxes)",
    licence="non-commercial research and education only",
    source="Mundt et al., CODEBRIM, CVPR 2019, doi 10.5281/zenodo.2620293",
    modalities={"rgb": "images/{stem}.*"},
    labels=_soft("masks/{stem}.*"),
    classes=_CLASSES,
    anchor="labels",
)
