"""Numbered, in order, each in one transaction: a file killed in mid-migration opens as the old schema or the new one."""

from __future__ import annotations

from pmm.storage.migrations import m0001_log, m0002_traces

MIGRATIONS: tuple[str, ...] = (m0001_log.SQL, m0002_traces.SQL)
"""MIGRATIONS[n-1] brings a file from schema n-1 to schema n"""

SCHEMA = len(MIGRATIONS)
