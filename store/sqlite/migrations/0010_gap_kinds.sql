-- A source and a route may have the same name: a gap record says whose it is. Those of sources are of the write-ahead log
-- so far.
ALTER TABLE gaps ADD COLUMN kind TEXT NOT NULL DEFAULT 'route' CHECK (kind IN ('route', 'source'));
UPDATE gaps SET kind = 'source' WHERE reason LIKE 'wal.%';

DROP INDEX gaps_once;
CREATE UNIQUE INDEX gaps_once ON gaps (kind, route, reason, first_position, last_position, events);
DROP INDEX gaps_open;
CREATE INDEX gaps_open ON gaps (kind, route, number) WHERE acknowledged_at IS NULL;
