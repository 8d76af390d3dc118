-- One event for a stream that is there, with nothing to complain about: the case of nearly every call. It
-- takes one statement, or two with a given id, where append_to_inbox takes some fifty expressions, each of
-- which is prepared anew in every transaction. Whatever is out of the ordinary goes there, and is judged there.
CREATE FUNCTION @schema@.append_event(
  in_stream text, in_category text, in_expected bigint, in_event @schema@.new_event) RETURNS bigint
LANGUAGE plpgsql AS $function$
DECLARE
  written bigint;
BEGIN
  IF (in_event.metadata)::text = '{}' AND pg_catalog.octet_length(in_event.type) BETWEEN 1 AND 255
     AND pg_catalog.octet_length(in_event.content_type) BETWEEN 1 AND 255
     AND coalesce(pg_catalog.octet_length(in_event.data), 0) <= 1048576
     AND in_event.id IS DISTINCT FROM '00000000-0000-0000-0000-000000000000' THEN
    -- Whether an id is known is asked in a statement that begins under the stream's lock: the snapshot of an
    -- earlier one does not see what the last holder wrote.
    IF in_event.id IS NOT NULL THEN
      PERFORM FROM @schema@.streams s WHERE s.name = in_stream FOR NO KEY UPDATE;
    END IF;
    WITH moved AS (
      UPDATE @schema@.streams s SET version = s.version + 1
      WHERE s.name = in_stream AND s.state = 'live' AND s.category = coalesce(in_category, s.category)
        AND (in_expected IN (-2, -4) OR in_expected = s.version)
        AND (in_event.id IS NULL
             OR NOT EXISTS (SELECT FROM @schema@.events e WHERE e.id = in_event.id AND e.stream = in_stream)
                AND NOT EXISTS (SELECT FROM @schema@.inbox w WHERE w.id = in_event.id AND w.stream = in_stream))
      RETURNING s.category, s.version
    )
    INSERT INTO @schema@.inbox AS i (incarnation, version, occurred_at, id, stream, category, type, content_type,
                                     metadata, tags, data)
    SELECT (SELECT h.incarnation FROM @schema@.head h WHERE h.id = 1), m.version, in_event.occurred_at,
           coalesce(in_event.id, @schema@.make_event_id()), in_stream, m.category, in_event.type,
           in_event.content_type, in_event.metadata, '{}', in_event.data
    FROM moved m
    RETURNING i.version INTO written;
    IF FOUND THEN
      RETURN written;
    END IF;
  END IF;
  RETURN @schema@.append_to_inbox(in_stream, in_category, in_expected, ARRAY[in_event]);
END
$function$;

-- Plans are kept for the life of the caller's session. Without statistics one made while the tables are
-- small would scan them when they are large; and one that is made for each call costs more than the call.
CREATE OR REPLACE FUNCTION @schema@.append(
  stream text, type text, data bytea, expected bigint DEFAULT -2, id uuid DEFAULT NULL,
  content_type text DEFAULT 'application/json', metadata json DEFAULT '{}', category text DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $function$
BEGIN
  RETURN @schema@.append_event($1, $8, $4, ROW($2, $3, $5, $6, $7, $9)::@schema@.new_event);
END
$function$;

CREATE OR REPLACE FUNCTION @schema@.append(
  stream text, type text, data jsonb, expected bigint DEFAULT -2, id uuid DEFAULT NULL,
  content_type text DEFAULT 'application/json', metadata json DEFAULT '{}', category text DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $function$
BEGIN
  RETURN @schema@.append_event($1, $8, $4,
    ROW($2, pg_catalog.convert_to($3::text, 'UTF8'), $5, $6, $7, $9)::@schema@.new_event);
END
$function$;

ALTER FUNCTION @schema@.append_many(text, bigint, @schema@.new_event[], text)
SET plan_cache_mode = force_generic_plan;
