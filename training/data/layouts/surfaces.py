"""Defects of made surfaces: KolektorSDD2 and the no-service rails of NRSD."""

from __future__ import annotations

from rigsight.training.data.layouts.layout import Files, classes_of
from rigsight.training.data.spec import Labels

_CLASSES = classes_of(("background", "defect"), ((0, 0, 0), (230, 60, 60)))

kolektorsdd2 = Files(
    about="KolektorSDD2: 2331 + 1004 pictures of a made surface; {train,test}/N.png with N_GT.png",
    licence="CC-BY-NC-SA-4.0",
    source="Božič et al., Mixed supervision for surface-defect detection, Computers in Industry 129, 2021, "
    "vicos.si/resources/kolektorsdd2",
    modalities={"rgb": "{folder}/{name}.png"},
    labels=Labels(kind="masks", pattern="{folder}/{name}_GT.png", encoding="threshold"),
    classes=_CLASSES,
    folders={"train": "train", "test": "test"},
)
nrsd_mn = Files(
    about="NRSD-MN: 2086 + 885 + 965 pictures of rails; {images,annotations}/{training,validation,test}",
    licence="on request to the authors, who send the password",
    source="Zhang et al., MCnet, IEEE T-IM 70, 2021, github.com/zdfcvsn/MCnet",
    modalities={"rgb": "images/{folder}/{name}.*"},
    # The authors' masks are JPEG: grey where they should be black or white.
    labels=Labels(kind="masks", pattern="annotations/{folder}/{name}.*", encoding="threshold"),
    classes=_CLASSES,
    folders={"training": "train", "validation": "val", "test": "test"},
)
