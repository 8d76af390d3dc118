-- The one row that is counter and fence of the log. `events` counts what can still be read.
CREATE TABLE head (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  position    INTEGER NOT NULL,
  streams     INTEGER NOT NULL,
  events      INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  identifier  TEXT    NOT NULL,
  recorded_at INTEGER NOT NULL
) STRICT;

INSERT INTO head (id, position, streams, events, incarnation, identifier, recorded_at)
VALUES (1, 0, 0, 0, 1, lower(hex(randomblob(16))), 0);

-- Times are microseconds since 1970 in UTC. `data` is null where an event has no data.
CREATE TABLE events (
  position     INTEGER PRIMARY KEY,
  stream       TEXT    NOT NULL,
  category     TEXT    NOT NULL,
  version      INTEGER NOT NULL,
  id           BLOB    NOT NULL CHECK (length(id) = 16),
  type         TEXT    NOT NULL,
  data         BLOB,
  content_type TEXT    NOT NULL,
  metadata     TEXT    NOT NULL,
  occurred_at  INTEGER NOT NULL,
  recorded_at  INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_stream_version ON events (stream, version);
CREATE UNIQUE INDEX events_id_stream ON events (id, stream);
CREATE INDEX events_category ON events (category);

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TABLE streams (
  name         TEXT    PRIMARY KEY,
  category     TEXT    NOT NULL,
  last_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  route             TEXT    PRIMARY KEY,
  position          INTEGER NOT NULL,
  event_id          BLOB    NOT NULL CHECK (length(event_id) = 16),
  system_identifier TEXT    NOT NULL,
  timeline          INTEGER NOT NULL,
  incarnation       INTEGER NOT NULL,
  epoch             INTEGER NOT NULL,
  updated_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `owner` is empty when the lease is nobody's. `locked`: its owner held the lock file when it wrote.
CREATE TABLE leases (
  name       TEXT    PRIMARY KEY,
  owner      TEXT    NOT NULL,
  epoch      INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  locked     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE parked (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  kind       TEXT    NOT NULL CHECK (kind IN ('parked', 'skipped')),
  route      TEXT    NOT NULL,
  source     TEXT    NOT NULL,
  source_key TEXT    NOT NULL,
  event_id   BLOB,
  key        TEXT,
  position   INTEGER,
  code       TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  content    TEXT    NOT NULL,
  kept       TEXT    NOT NULL CHECK (kept IN ('whole', 'by_reference')),
  digest     BLOB    NOT NULL CHECK (length(digest) = 32),
  parked_at  INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX parked_once ON parked (route, source, source_key, digest);

CREATE TABLE route_state (
  route       TEXT    NOT NULL,
  instance    TEXT    NOT NULL,
  phase       TEXT    NOT NULL,
  code        TEXT    NOT NULL,
  message     TEXT    NOT NULL,
  since       INTEGER NOT NULL,
  settled     INTEGER,
  lag_events  INTEGER,
  lag_seconds REAL,
  details     TEXT    NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (route, instance)
) STRICT, WITHOUT ROWID;
