-- How many events there are of each type in each category, for positions up to that of `kinds_counted`.
-- Whoever asks counts what came since, so that an append pays nothing for it.
CREATE TABLE kinds (
  category TEXT    NOT NULL,
  type     TEXT    NOT NULL,
  events   INTEGER NOT NULL,
  PRIMARY KEY (category, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE kinds_counted (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  position INTEGER NOT NULL
) STRICT;

INSERT INTO kinds_counted (id, position) VALUES (1, 0);
