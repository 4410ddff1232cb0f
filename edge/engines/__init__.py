"""What runs a graph: named arrays in, named arrays out."""
