-- Whole ranges at the beginning of the log can be dropped (store/retention.h). Positions up to `floor` are not read any
-- more; `floor_id` is the id of the event there, which checkpoints at the floor name. Rows up to `dropped` are gone.
ALTER TABLE head ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN floor_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000'
  CHECK (length(floor_id) = 16);
ALTER TABLE head ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;

-- The one deletion that passes: of what lies below the floor.
DROP TRIGGER events_are_never_deleted;
CREATE TRIGGER events_go_below_the_floor BEFORE DELETE ON events
WHEN OLD.position > (SELECT floor FROM head)
BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END;
