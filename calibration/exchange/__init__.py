"""Calibrations of other tools: Kalibr, ROS, OpenCV, COLMAP and mrcal, read and written."""
