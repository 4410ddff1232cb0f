"""Rig geometry: boards, detection, solving, uncertainty, alignment maps and reports."""
