"""Other people's trained networks under our names (``rigsight convert``): one table an origin."""
