"""The device's own verdict: which variant of a bundle runs here, by accuracy and speed measured here."""
