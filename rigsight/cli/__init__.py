"""The command line: one small file a verb, imported only when its verb is called."""
