-- One request in one round trip: locks, checks and writes as the append transaction does, but only for
-- the plain case. Any row it can't answer at once (a lock that is held, another category, an
-- expectation that fails, a known id, another incarnation) it declines by returning no row, having
-- changed nothing; the caller then runs the full transaction, which knows every answer.
-- Each statement of the body has a snapshot of its own: what is read after a lock was got is what the
-- former holder of the lock has committed.
CREATE FUNCTION @schema@.append_one(
  in_incarnation bigint, in_stream text, in_category text, in_expected bigint,
  in_ids uuid[], in_types text[], in_content_types text[], in_metadata text[],
  in_occurred_at timestamptz[], in_data bytea[])
RETURNS TABLE (first_version bigint, first_position bigint)
LANGUAGE plpgsql AS $function$
DECLARE
  head_row @schema@.head;
  stream_row @schema@.streams;
  stream_found boolean;
  count bigint := pg_catalog.cardinality(in_ids);
  now_at timestamptz;
BEGIN
  SELECT h.* INTO head_row FROM @schema@.head h WHERE h.id = 1 FOR NO KEY UPDATE;
  IF head_row.incarnation IS DISTINCT FROM in_incarnation THEN
    RETURN;
  END IF;

  SELECT s.* INTO stream_row FROM @schema@.streams s WHERE s.name = in_stream FOR NO KEY UPDATE SKIP LOCKED;
  stream_found := FOUND;
  IF NOT stream_found THEN
    IF NOT pg_catalog.pg_try_advisory_xact_lock(
         pg_catalog.hashtextextended('penstock.' || @schema_text@ || '.stream.' || in_stream, 0)) THEN
      RETURN;
    END IF;
    PERFORM FROM @schema@.streams s WHERE s.name = in_stream;
    IF FOUND THEN
      RETURN;
    END IF;
  END IF;

  -- -2 any, -1 no stream, -4 exists, else the last version.
  IF stream_found THEN
    IF stream_row.category <> in_category OR in_expected = -1
       OR (in_expected >= 0 AND in_expected <> stream_row.version) THEN
      RETURN;
    END IF;
    PERFORM FROM @schema@.events e WHERE e.id = ANY (in_ids) AND e.stream = in_stream;
    IF FOUND THEN
      RETURN;
    END IF;
    first_version := stream_row.version + 1;
  ELSIF in_expected IN (-1, -2) THEN
    first_version := 0;
  ELSE
    RETURN;
  END IF;

  first_position := head_row.position + 1;
  now_at := greatest(pg_catalog.clock_timestamp(), head_row.recorded_at);
  INSERT INTO @schema@.events (position, version, occurred_at, recorded_at, id, stream, category, type,
                               content_type, metadata, data)
  SELECT first_position + n - 1, first_version + n - 1, coalesce(in_occurred_at[n], now_at), now_at, in_ids[n],
         in_stream, in_category, in_types[n], in_content_types[n], in_metadata[n]::json, in_data[n]
  FROM pg_catalog.generate_series(1::bigint, count) n;
  IF stream_found THEN
    UPDATE @schema@.streams s SET version = first_version + count - 1 WHERE s.name = in_stream;
  ELSE
    INSERT INTO @schema@.streams (name, category, version) VALUES (in_stream, in_category, count - 1);
  END IF;
  UPDATE @schema@.head h
  SET position = h.position + count, recorded_at = now_at,
      streams = h.streams + CASE WHEN stream_found THEN 0 ELSE 1 END
  WHERE h.id = 1;
  RETURN NEXT;
END
$function$;
