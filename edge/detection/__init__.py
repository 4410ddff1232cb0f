"""What the host computes between the graphs of an instance bundle: suppression and choice of boxes."""
