"""Cameras through Linux's V4L2, by ioctl and mapped buffers, without OpenCV."""
