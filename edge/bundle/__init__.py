"""The bundle: a model ready to run, as a folder or zip."""
