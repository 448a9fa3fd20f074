"""The command line: parse, open a workspace, one verb of the core, draw."""
