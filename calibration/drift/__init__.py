"""Have the cameras moved since the calibration? Targetless, from edges that both cameras see."""
