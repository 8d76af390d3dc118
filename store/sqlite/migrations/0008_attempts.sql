-- What was begun and not ended (store/attempts.h): rows of a route by their names, and under the empty name how often
-- its source was opened. A few rows, and none while all is well.
CREATE TABLE attempts (
  route    TEXT    NOT NULL,
  item     TEXT    NOT NULL,
  attempts INTEGER NOT NULL CHECK (attempts > 0),
  PRIMARY KEY (route, item)
) STRICT, WITHOUT ROWID;
