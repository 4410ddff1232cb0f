"""Radiometric files of thermal cameras: counts, temperatures, visible picture, place."""
