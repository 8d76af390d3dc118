-- Events that were handed out and are gone (store/gaps.h): their ids, a line each. Kept for ever.
CREATE TABLE gaps (
  number          INTEGER PRIMARY KEY AUTOINCREMENT,
  route           TEXT    NOT NULL,
  reason          TEXT    NOT NULL,
  first_position  INTEGER NOT NULL,
  last_position   INTEGER NOT NULL,
  events          TEXT    NOT NULL,
  recorded_at     INTEGER NOT NULL,
  acknowledged_by TEXT    NOT NULL DEFAULT '',
  acknowledged_at INTEGER
) STRICT;

CREATE UNIQUE INDEX gaps_once ON gaps (route, reason, first_position, last_position, events);
CREATE INDEX gaps_open ON gaps (route, number) WHERE acknowledged_at IS NULL;
