"""tf2_msgs: the tree of frames."""

from __future__ import annotations

from dataclasses import dataclass

from rigsight.edge.messages.message import Message
from rigsight.edge.messages.types.geometry_msgs import TransformStamped


@dataclass(frozen=True, slots=True)
class TFMessage(Message):
    """What ``/tf`` and ``/tf_static`` carry."""

    transforms: tuple[TransformStamped, ...] = ()
