"""Layouts of published data sets and of labelling tools: a folder as it is downloaded -> dataset.yaml."""
