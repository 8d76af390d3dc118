-- What is still read of a stream (store/retention.h), and how far it was scavenged: versions below
-- `scavenged_before` are stubs.
ALTER TABLE streams ADD COLUMN state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'deleted', 'tombstoned'));
ALTER TABLE streams ADD COLUMN truncate_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE streams ADD COLUMN max_count INTEGER CHECK (max_count > 0);
ALTER TABLE streams ADD COLUMN max_age INTEGER CHECK (max_age > 0);
ALTER TABLE streams ADD COLUMN scavenged_before INTEGER NOT NULL DEFAULT 0;

CREATE INDEX streams_to_scavenge ON streams (name)
WHERE truncate_before > scavenged_before OR max_count IS NOT NULL OR max_age IS NOT NULL;

-- A stub keeps position, stream, category, version and id. Its other columns are empty and not null,
-- because these can't be made nullable without copying the table.
ALTER TABLE events ADD COLUMN removed_at INTEGER;

-- The one change that passes: an event becomes its stub.
DROP TRIGGER events_are_never_changed;
CREATE TRIGGER events_only_become_stubs BEFORE UPDATE ON events
WHEN NEW.removed_at IS NULL OR OLD.removed_at IS NOT NULL OR NEW.position <> OLD.position
  OR NEW.stream <> OLD.stream OR NEW.category <> OLD.category OR NEW.version <> OLD.version OR NEW.id <> OLD.id
  OR NEW.type <> '' OR NEW.data IS NOT NULL OR NEW.content_type <> '' OR NEW.metadata <> ''
BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
