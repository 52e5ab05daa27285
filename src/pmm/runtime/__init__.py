"""Performs: the only place where decisions meet the world. Mind is the front door, turn.py the main path."""
