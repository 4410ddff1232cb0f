"""The pieces of alignment: surfaces as inverse distances, grids, and the modes beside the fixed surface."""
