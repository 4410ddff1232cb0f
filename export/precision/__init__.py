"""FP16 and INT8 variants of a graph, what they cost, and which of them may run."""
