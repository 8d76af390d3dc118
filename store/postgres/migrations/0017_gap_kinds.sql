-- A source and a route may have the same name: a gap record says whose it is. Those of sources are of the write-ahead log
-- so far.
ALTER TABLE @schema@.gaps ADD COLUMN kind text NOT NULL DEFAULT 'route' CHECK (kind IN ('route', 'source'));
UPDATE @schema@.gaps SET kind = 'source' WHERE reason LIKE 'wal.%';

DROP INDEX @schema@.gaps_once;
CREATE UNIQUE INDEX gaps_once ON @schema@.gaps
  (kind, route, reason, first_position, last_position, pg_catalog.md5(events));
DROP INDEX @schema@.gaps_open;
CREATE INDEX gaps_open ON @schema@.gaps (kind, route, number) WHERE acknowledged_at IS NULL;
