"""NaDiNet: surface defects by normalised channel attention (NAM) and dual-scale interaction (DIB)."""
