-- The condition of a row trigger is read anew from its text each time a statement fires it: the triggers that
-- every append passes ask for one column only, and their functions for the rest.
DROP TRIGGER streams_are_revived ON @schema@.streams;
CREATE OR REPLACE FUNCTION @schema@.write_to_removed_stream() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  IF NEW.version <= OLD.version THEN
    RETURN NEW;
  END IF;
  IF OLD.state = 'tombstoned' THEN
    RAISE EXCEPTION 'stream "%" is tombstoned', OLD.name USING ERRCODE = 'PS002';
  END IF;
  NEW.state := 'live';
  RETURN NEW;
END
$function$;
CREATE TRIGGER streams_are_revived BEFORE UPDATE OF version ON @schema@.streams FOR EACH ROW
WHEN (OLD.state <> 'live') EXECUTE FUNCTION @schema@.write_to_removed_stream();

DROP TRIGGER head_is_importing ON @schema@.head;
CREATE OR REPLACE FUNCTION @schema@.refuse_while_importing() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  IF coalesce(pg_catalog.current_setting('penstock.importing', true), '') = 'on' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'an import of this store has not ended' USING ERRCODE = 'PS006';
END
$function$;
CREATE TRIGGER head_is_importing BEFORE UPDATE OF position ON @schema@.head FOR EACH ROW
WHEN (OLD.importing) EXECUTE FUNCTION @schema@.refuse_while_importing();

-- As before, without joining the inbox to itself: planned while the inbox was empty, such a join compares
-- every row with every other one, and a backlog of some ten thousand rows would never be moved.
CREATE OR REPLACE FUNCTION @schema@.sweep(in_rows bigint, in_whatever boolean)
RETURNS TABLE (moved bigint, head bigint, recorded_at timestamptz, remain boolean) LANGUAGE plpgsql AS $function$
DECLARE
  head_row @schema@.head;
  cut bigint;
  highest bigint;
  created bigint;
  now_at timestamptz;
BEGIN
  IF NOT EXISTS (SELECT FROM @schema@.inbox) THEN
    RETURN;
  END IF;
  SELECT h.* INTO head_row FROM @schema@.head h WHERE h.id = 1 FOR NO KEY UPDATE;
  now_at := greatest(pg_catalog.clock_timestamp(), head_row.recorded_at);
  -- One snapshot: a transaction that becomes visible in between could be cut in two.
  WITH transactions AS MATERIALIZED (
    SELECT i.xid8, i.incarnation, pg_catalog.min(i.ins) AS first, pg_catalog.max(i.ins) AS last,
           pg_catalog.sum(pg_catalog.count(*)) OVER (ORDER BY pg_catalog.max(i.ins)) AS running
    FROM @schema@.inbox i GROUP BY i.xid8, i.incarnation
  ), prefix AS MATERIALIZED (
    SELECT coalesce(pg_catalog.max(t.last) FILTER (WHERE t.running <= in_rows),
                    CASE WHEN in_whatever THEN pg_catalog.min(t.last) END) AS cut, pg_catalog.max(t.last) AS highest
    FROM transactions t
  ), taken AS (
    -- Not of those that began below the cut and go on above it.
    DELETE FROM @schema@.inbox i
    WHERE i.ins <= (SELECT p.cut FROM prefix p)
      AND (i.xid8, i.incarnation) NOT IN (SELECT t.xid8, t.incarnation FROM transactions t, prefix p
                                          WHERE t.first < p.cut AND t.last > p.cut)
    RETURNING i.*
  ), whole AS (
    SELECT t.*, pg_catalog.max(t.ins) OVER (PARTITION BY t.xid8, t.incarnation) AS last FROM taken t
  ), numbered AS (
    SELECT head_row.position + pg_catalog.row_number() OVER (ORDER BY w.last, w.ins) AS position, w.* FROM whole w
  ), written AS (
    INSERT INTO @schema@.events (position, version, occurred_at, recorded_at, id, stream, category, type,
                                 content_type, metadata, data)
    SELECT n.position, n.version, coalesce(n.occurred_at, now_at), now_at, n.id, n.stream, n.category, n.type,
           n.content_type, n.metadata, n.data
    FROM numbered n ORDER BY n.position
  ), tagged AS (
    INSERT INTO @schema@.tags (tag, position)
    SELECT t.tag, n.position FROM numbered n, LATERAL pg_catalog.unnest(n.tags) t(tag)
  ), counted AS (
    SELECT pg_catalog.count(*) AS all_of_them, pg_catalog.count(*) FILTER (WHERE n.version = 0) AS first_ones
    FROM numbered n
  )
  SELECT c.all_of_them, c.first_ones, p.cut, p.highest INTO moved, created, cut, highest FROM counted c, prefix p;
  IF highest IS NULL THEN
    moved := NULL;
    RETURN;
  END IF;
  head := head_row.position + moved;
  recorded_at := CASE WHEN moved > 0 THEN now_at ELSE head_row.recorded_at END;
  remain := cut IS NULL OR highest > cut;
  IF moved > 0 THEN
    UPDATE @schema@.head h
    SET position = h.position + moved, recorded_at = now_at, streams = h.streams + created WHERE h.id = 1;
  END IF;
  RETURN NEXT;
END
$function$;

-- As before, in fewer statements: what is written, is written by one. The stream's lock is still taken by a
-- statement of its own, which passes over a row that somebody else holds, and the inbox is still looked at
-- by one that begins under both locks.
CREATE OR REPLACE FUNCTION @schema@.append_one(
  in_incarnation bigint, in_stream text, in_category text, in_expected bigint,
  in_ids uuid[], in_types text[], in_content_types text[], in_metadata text[],
  in_occurred_at timestamptz[], in_data bytea[], in_tags text[], in_tag_events bigint[])
RETURNS TABLE (first_version bigint, first_position bigint)
LANGUAGE plpgsql AS $function$
DECLARE
  wanted bigint := pg_catalog.cardinality(in_ids);
  stream_found boolean;
  remain boolean;
BEGIN
  PERFORM FROM @schema@.head h WHERE h.id = 1 AND h.incarnation = in_incarnation FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;

  PERFORM FROM @schema@.streams s WHERE s.name = in_stream FOR NO KEY UPDATE SKIP LOCKED;
  stream_found := FOUND;
  IF NOT stream_found THEN
    IF in_expected NOT IN (-1, -2) OR NOT pg_catalog.pg_try_advisory_xact_lock(
         pg_catalog.hashtextextended('penstock.' || @schema_text@ || '.stream.' || in_stream, 0)) THEN
      RETURN;
    END IF;
    PERFORM FROM @schema@.streams s WHERE s.name = in_stream;
    IF FOUND THEN
      RETURN;
    END IF;
  END IF;

  -- After the locks: a version that another has committed gets its position before the next one does.
  IF EXISTS (SELECT FROM @schema@.inbox) THEN
    SELECT w.remain INTO remain FROM @schema@.sweep(10000, false) w;
    IF remain THEN
      RETURN;
    END IF;
  END IF;

  -- -2 any, -1 no stream, -4 exists, else the last version.
  IF stream_found THEN
    UPDATE @schema@.streams s SET version = s.version + wanted
    WHERE s.name = in_stream AND s.state = 'live' AND s.category = in_category
      AND (in_expected IN (-2, -4) OR in_expected >= 0 AND in_expected = s.version)
      AND NOT EXISTS (SELECT FROM @schema@.events e WHERE e.id = ANY (in_ids) AND e.stream = in_stream)
    RETURNING s.version - wanted + 1 INTO first_version;
    IF NOT FOUND THEN
      RETURN;
    END IF;
  ELSE
    INSERT INTO @schema@.streams (name, category, version) VALUES (in_stream, in_category, wanted - 1);
    first_version := 0;
  END IF;

  WITH placed AS (
    UPDATE @schema@.head h
    SET position = h.position + wanted, recorded_at = greatest(pg_catalog.clock_timestamp(), h.recorded_at),
        streams = h.streams + CASE WHEN stream_found THEN 0 ELSE 1 END
    WHERE h.id = 1
    RETURNING h.position - wanted + 1 AS first, h.recorded_at
  ), written AS (
    INSERT INTO @schema@.events (position, version, occurred_at, recorded_at, id, stream, category, type,
                                 content_type, metadata, data)
    SELECT p.first + n - 1, first_version + n - 1, coalesce(in_occurred_at[n], p.recorded_at), p.recorded_at,
           in_ids[n], in_stream, in_category, in_types[n], in_content_types[n], in_metadata[n]::json, in_data[n]
    FROM placed p, pg_catalog.generate_series(1::bigint, wanted) n
  )
  SELECT p.first INTO first_position FROM placed p;
  IF pg_catalog.cardinality(in_tags) > 0 THEN
    INSERT INTO @schema@.tags (tag, position)
    SELECT t.tag, first_position + t.event - 1 FROM unnest(in_tags, in_tag_events) t(tag, event);
  END IF;
  RETURN NEXT;
END
$function$;

-- As before; the nap is part of an expression, which costs less than a statement.
CREATE OR REPLACE FUNCTION @schema@.await_inbox(in_milliseconds integer) RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
  lowest bigint;
  until timestamptz := pg_catalog.clock_timestamp() + in_milliseconds * interval '1 millisecond';
BEGIN
  LOOP
    SELECT i.ins INTO lowest FROM @schema@.inbox i ORDER BY i.ins LIMIT 1;
    IF FOUND THEN
      RETURN lowest;
    END IF;
    IF pg_catalog.pg_sleep(0.012) IS NULL OR pg_catalog.clock_timestamp() >= until THEN
      RETURN NULL;
    END IF;
  END LOOP;
END
$function$;
