"""Finding the points of a board in one picture: enhance to detect, localise on the raw data."""
