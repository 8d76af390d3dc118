-- How far sources have come that keep their rows; the words of `position` are theirs.
CREATE TABLE source_checkpoints (
  source            TEXT    PRIMARY KEY,
  position          TEXT    NOT NULL,
  system_identifier TEXT    NOT NULL,
  timeline          INTEGER NOT NULL,
  epoch             INTEGER NOT NULL,
  updated_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
