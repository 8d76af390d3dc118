-- The same of the one row of `head`, which every append changes and nobody adds to.
ALTER TABLE @schema@.head DROP CONSTRAINT head_id_check;
CREATE FUNCTION @schema@.refuse_second_head() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  RAISE EXCEPTION 'the log has one head' USING ERRCODE = 'check_violation';
END
$function$;
CREATE TRIGGER head_is_alone BEFORE INSERT OR UPDATE OF id ON @schema@.head FOR EACH ROW
WHEN (NEW.id <> 1) EXECUTE FUNCTION @schema@.refuse_second_head();

-- One event without tags for a stream that is there, with nothing in the inbox: the case of nearly every call, in half
-- of the statements of append_one, and without arrays to take apart. The rest goes to append_one, in the same
-- transaction and under the same locks.
CREATE FUNCTION @schema@.append_single(
  in_incarnation bigint, in_stream text, in_category text, in_expected bigint, in_id uuid, in_type text,
  in_content_type text, in_metadata text, in_occurred_at timestamptz, in_data bytea)
RETURNS TABLE (first_version bigint, first_position bigint) LANGUAGE plpgsql AS $function$
BEGIN
  PERFORM FROM @schema@.head h WHERE h.id = 1 AND h.incarnation = in_incarnation FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM FROM @schema@.streams s WHERE s.name = in_stream FOR NO KEY UPDATE SKIP LOCKED;
  IF FOUND THEN
    -- It begins under both locks: what it sees of the inbox and of known ids is all that there is for this stream.
    WITH moved AS (
      -- -2 any, -1 no stream, -4 exists, else the last version.
      UPDATE @schema@.streams s SET version = s.version + 1
      WHERE s.name = in_stream AND s.state = 'live' AND s.category = in_category
        AND (in_expected IN (-2, -4) OR in_expected >= 0 AND in_expected = s.version)
        AND NOT EXISTS (SELECT FROM @schema@.inbox)
        AND NOT EXISTS (SELECT FROM @schema@.events e WHERE e.id = in_id AND e.stream = in_stream)
      RETURNING s.version
    ), placed AS (
      UPDATE @schema@.head h
      SET position = h.position + 1, recorded_at = greatest(pg_catalog.clock_timestamp(), h.recorded_at)
      FROM moved m WHERE h.id = 1
      RETURNING h.position, h.recorded_at, m.version
    )
    INSERT INTO @schema@.events AS e (position, version, occurred_at, recorded_at, id, stream, category, type,
                                      content_type, metadata, data)
    SELECT p.position, p.version, coalesce(in_occurred_at, p.recorded_at), p.recorded_at, in_id, in_stream, in_category,
           in_type, in_content_type, in_metadata::json, in_data
    FROM placed p
    RETURNING e.version, e.position INTO first_version, first_position;
    IF FOUND THEN
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;
  RETURN QUERY SELECT a.first_version, a.first_position
  FROM @schema@.append_one(in_incarnation, in_stream, in_category, in_expected, ARRAY[in_id], ARRAY[in_type],
                           ARRAY[in_content_type], ARRAY[in_metadata], ARRAY[in_occurred_at], ARRAY[in_data],
                           '{}', '{}') a;
END
$function$;
