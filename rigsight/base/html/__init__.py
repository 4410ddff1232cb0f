"""Reports as one HTML file: page, style sheet and the parts of small plots, for every room."""
