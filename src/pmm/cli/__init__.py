"""The command line: one file per command group. It knows Mind and Settings; it never reaches storage."""
