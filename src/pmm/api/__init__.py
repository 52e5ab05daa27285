"""The server: REST, streams of events, and the doors that stand before them. It knows `Mind`, and nothing of how a mind is stored."""
