"""Measurements of single turns, beside the log: unchained, pruned, read by people only."""

SQL = """
CREATE TABLE traces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts INTEGER NOT NULL,
  kind TEXT NOT NULL,
  turn INTEGER,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX traces_turn ON traces (turn, kind);
CREATE INDEX traces_kind ON traces (kind, id);
CREATE INDEX traces_ts ON traces (ts);
"""
