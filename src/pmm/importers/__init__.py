"""Transcripts from elsewhere, read as a stream of Turns. They know formats; they know nothing of minds.

A new format is a new file with one `Format`, and its line in `transcript.FORMATS`.
"""

from pmm.importers.notes import Tally
from pmm.importers.transcript import FORMATS, Transcript, conversations, detect, read

__all__ = ["FORMATS", "Tally", "Transcript", "conversations", "detect", "read"]
