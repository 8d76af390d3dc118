-- How many events there are of each type in each category, for positions up to that of `kinds_counted`.
-- Whoever asks counts what came since, so that an append pays nothing for it.
CREATE TABLE @schema@.kinds (
  category text   COLLATE "C" NOT NULL,
  type     text   COLLATE "C" NOT NULL,
  events   bigint NOT NULL,
  PRIMARY KEY (category, type)
) WITH (fillfactor = 50);

CREATE TABLE @schema@.kinds_counted (
  id       integer PRIMARY KEY CHECK (id = 1),
  position bigint  NOT NULL
) WITH (fillfactor = 10);

INSERT INTO @schema@.kinds_counted (id, position) VALUES (1, 0);

-- Counts the next positions, at most so many, and answers how many are left. Each statement sees what
-- whoever held the lock of the row before has committed.
CREATE FUNCTION @schema@.count_kinds(in_positions bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  counted bigint;
  head bigint;
  until bigint;
BEGIN
  SELECT c.position INTO counted FROM @schema@.kinds_counted c WHERE c.id = 1 FOR NO KEY UPDATE;
  SELECT h.position INTO head FROM @schema@.head h WHERE h.id = 1;
  until := least(head, counted + in_positions);
  IF until <= counted THEN
    RETURN 0;
  END IF;
  INSERT INTO @schema@.kinds AS k (category, type, events)
  SELECT e.category, e.type, count(*) FROM @schema@.events e
  WHERE e.position > counted AND e.position <= until GROUP BY e.category, e.type
  ON CONFLICT (category, type) DO UPDATE SET events = k.events + excluded.events;
  UPDATE @schema@.kinds_counted c SET position = until WHERE c.id = 1;
  RETURN head - until;
END
$function$;
