"""Drawings of calibration boards at exact scale: shapes, and the files that carry them."""
