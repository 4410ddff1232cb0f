"""Cameras through GStreamer pipelines: CSI cameras of a Jetson, RTSP, anything that GStreamer reads."""
