-- One row a tag of an event (store/event_tags.h), so that events are found by their tags and a position.
CREATE TABLE tags (
  tag      TEXT    NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (tag, position)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO tags (tag, position)
SELECT t.value, e.position
FROM events e, json_each(e.metadata, '$.tags') t
WHERE instr(e.metadata, '"tags"') > 0 AND json_type(e.metadata, '$.tags') = 'array'
  AND t.type = 'text' AND t.value <> '' AND length(CAST(t.value AS BLOB)) <= 255;
