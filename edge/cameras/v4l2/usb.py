"""The USB device behind a video device, and its reset."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from rigsight.edge.cameras.v4l2.ioctls import USB_RESET

SYS = Path("/sys")
USB_NODES = Path("/dev/bus/usb")


def usb_node(video: str, sys: Path = SYS, nodes: Path = USB_NODES) -> Path | None:
    """The node of the USB device that carries ``video``; None where it is not on USB, or gone.

    The interface of a camera lies below its device in /sys, which knows its bus and number there.
    """
    name = Path(os.path.realpath(video)).name
    place = Path(os.path.realpath(sys / "class" / "video4linux" / name / "device"))
    for folder in (place, *place.parents):
        with contextlib.suppress(OSError, ValueError):
            bus, number = (int((folder / part).read_text()) for part in ("busnum", "devnum"))
            return nodes / f"{bus:03d}" / f"{number:03d}"
    return None


def reset_usb(node: Path) -> str:
    """Reset the device as if it were plugged in again; says what came of it and raises nothing.

    USBDEVFS_RESET needs write permission to the node, which only root has unless a udev rule gives it.
    """
    try:
        descriptor = os.open(node, os.O_WRONLY | os.O_CLOEXEC)
    except PermissionError:
        return f"not reset: no permission for {node} (docs/cameras.md has the udev rule)"
    except OSError as error:
        return f"not reset: {node}: {error.strerror}"
    try:
        fcntl.ioctl(descriptor, USB_RESET, 0)
    except OSError as error:
        return f"not reset: {node}: {error.strerror}"
    finally:
        os.close(descriptor)
    return f"USB device {node} was reset"
