"""Decides. Pure functions of a View and an input; no I/O, no clock, no SQL. What they decide is performed in runtime/."""
