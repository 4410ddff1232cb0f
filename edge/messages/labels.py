"""Class names and found things as vision_msgs."""

from __future__ import annotations

from collections.abc import Sequence

from rigsight.edge.bundle.spec import BundleSpec, ClassEntry
from rigsight.edge.instances import Instance
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.messages.types.vision_msgs import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
    VisionClass,
)


def label_info(bundle: BundleSpec, header: Header) -> LabelInfo:
    """The names of a bundle's class ids; 255 is not among them, it means "unlabelled".

    ``threshold`` is from which probability a binary model says class 1, or from which score an instance model
    shows what it found; 0 where the likeliest class wins.
    """
    names = tuple(VisionClass(number, entry.name) for number, entry in enumerate(bundle.classes))
    threshold = 0.0
    if bundle.threshold is not None:
        threshold = bundle.threshold / 255
    elif bundle.instances is not None:
        threshold = bundle.instances.sure
    return LabelInfo(header, names, threshold)


def detections(
    instances: Sequence[Instance], classes: Sequence[ClassEntry], header: Header, unsure: bool = False
) -> Detection2DArray:
    """Found things, best first.

    Args:
        instances: of a prediction.
        classes: of the bundle; their names become ``class_id``.
        header: of the prediction's mask, which every detection repeats.
        unsure: also those that the mask does not show.

    Returns:
        Boxes in pixels of the mask, where a pixel's centre is at integer coordinates as in camera_info (an
        instance's own box has it at + 0.5). ``id`` is empty: nothing is tracked.
    """
    found = [_detection(each, classes, header) for each in instances if each.sure or unsure]
    return Detection2DArray(header, tuple(found))


def _detection(instance: Instance, classes: Sequence[ClassEntry], header: Header) -> Detection2D:
    x0, y0, x1, y1 = (float(side) for side in instance.box)
    known = 0 <= instance.label < len(classes)
    name = classes[instance.label].name if known else str(instance.label)
    centre = Pose2D(Point2D((x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5))
    hypothesis = ObjectHypothesisWithPose(ObjectHypothesis(name, instance.score))
    return Detection2D(header, (hypothesis,), BoundingBox2D(centre, x1 - x0, y1 - y0))
