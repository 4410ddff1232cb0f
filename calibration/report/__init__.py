"""The calibration report: one self-contained HTML file."""
