"""Transcripts from elsewhere, read as a stream of Turns. They know formats; they know nothing of minds."""
