"""The log itself, its head, and the two small tables of derived state: snapshots and consumers' positions."""

SQL = """
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  ts INTEGER NOT NULL,
  kind TEXT NOT NULL,
  content TEXT,
  meta TEXT,
  key TEXT,
  salt BLOB,
  seal BLOB NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_key ON events (key) WHERE key IS NOT NULL;
CREATE INDEX events_kind ON events (kind, id);
CREATE INDEX events_ts ON events (ts);

CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
WHEN NOT (NEW.content IS NULL AND NEW.meta IS NULL AND NEW.key IS NULL AND NEW.salt IS NULL
          AND NEW.id IS OLD.id AND NEW.ts IS OLD.ts AND NEW.kind IS OLD.kind
          AND NEW.seal IS OLD.seal AND NEW.prev_hash IS OLD.prev_hash AND NEW.hash IS OLD.hash)
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;

CREATE TRIGGER events_no_replace BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM events WHERE key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'events are never replaced'); END;

CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
INSERT INTO head VALUES (1, 0, zeroblob(32));

CREATE TABLE snapshots (
  projection TEXT NOT NULL,
  position INTEGER NOT NULL,
  version INTEGER NOT NULL,
  link BLOB NOT NULL,
  digest BLOB NOT NULL,
  state BLOB NOT NULL,
  UNIQUE (projection, position)
) STRICT;

CREATE TABLE consumers (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  retry_at INTEGER,
  error TEXT NOT NULL DEFAULT '',
  parked TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;
"""
