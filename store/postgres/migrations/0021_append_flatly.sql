-- RFC 9562, version 7: the time in milliseconds, then random bits. One expression, which becomes a part of the statement
-- that asks for it; 52 and 53 are the bits that make a 7 of the 4 that the random one has for its version.
CREATE OR REPLACE FUNCTION @schema@.make_event_id() RETURNS uuid LANGUAGE sql VOLATILE AS $function$
  SELECT pg_catalog.encode(pg_catalog.set_bit(pg_catalog.set_bit(pg_catalog.overlay(
           pg_catalog.uuid_send(pg_catalog.gen_random_uuid()),
           pg_catalog.substring(pg_catalog.int8send(
             pg_catalog.floor(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000)::bigint), 3),
           1, 6), 52, 1), 53, 1), 'hex')::uuid
$function$;

-- As before, but a stream that another transaction made, and that the caller's snapshot does not show, is a failure to
-- serialize: ON CONFLICT raises it by itself under REPEATABLE READ, and those who retry know it. Else two could only
-- meet here if one of them had not taken the lock of the name.
CREATE OR REPLACE FUNCTION @schema@.append_to_inbox(
  in_stream text, in_category text, in_expected bigint, in_events @schema@.new_event[]) RETURNS bigint
LANGUAGE plpgsql AS $function$
DECLARE
  stream_row @schema@.streams;
  stream_found boolean;
  moved boolean := false;
  wanted bigint := coalesce(pg_catalog.cardinality(in_events), 0);
  event @schema@.new_event;
  number integer := 0;
  bytes bigint := 0;
  ids uuid[] := '{}';
  given uuid[] := '{}';
  known bigint;
  next_version bigint;
  now_incarnation bigint;
  tags text[];
  limits @schema@.limits;
BEGIN
  IF coalesce(in_stream, '') = '' THEN
    RAISE EXCEPTION 'the stream name is empty' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF pg_catalog.left(in_stream, 1) IN ('$', '@') OR in_stream IN ('all', 'count') THEN
    RAISE EXCEPTION 'the stream name "%" is reserved', pg_catalog.left(in_stream, 100)
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT l.* INTO limits FROM @schema@.limits l WHERE l.id = 1;
  IF pg_catalog.octet_length(in_stream) > limits.stream_bytes
     OR pg_catalog.octet_length(in_category) > limits.type_bytes THEN
    RAISE EXCEPTION 'the stream name has more than % bytes, or the category more than %',
      limits.stream_bytes, limits.type_bytes USING ERRCODE = 'PS003';
  END IF;
  IF in_category = '' THEN
    RAISE EXCEPTION 'the category is empty' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF in_expected IS NULL OR in_expected < -4 OR in_expected = -3 THEN
    RAISE EXCEPTION 'expected is none of -2 (any), -1 (no stream), -4 (exists) or a version'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF wanted = 0 THEN
    RAISE EXCEPTION 'there is no event to append' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF wanted > limits.batch_events THEN
    RAISE EXCEPTION 'there are % events, at most % are allowed', wanted, limits.batch_events USING ERRCODE = 'PS003';
  END IF;
  FOREACH event IN ARRAY in_events LOOP
    number := number + 1;
    tags := @schema@.check_new_event(event, number, limits);
    bytes := bytes + coalesce(pg_catalog.octet_length(event.data), 0)
                   + coalesce(pg_catalog.octet_length(event.metadata::text), 0);
    IF event.id IS NOT NULL THEN
      IF event.id = ANY (given) THEN
        RAISE EXCEPTION 'event id % stands twice', event.id USING ERRCODE = 'invalid_parameter_value';
      END IF;
      given := given || event.id;
    END IF;
    ids := ids || coalesce(event.id, @schema@.make_event_id());
  END LOOP;
  IF wanted > 1 AND bytes > limits.batch_bytes THEN
    RAISE EXCEPTION 'the events have % bytes, at most % are allowed', bytes, limits.batch_bytes USING ERRCODE = 'PS003';
  END IF;

  -- Ids of our own can't be known: the row is locked and moved in one step. An error takes that back.
  IF pg_catalog.cardinality(given) = 0 THEN
    UPDATE @schema@.streams s SET version = s.version + wanted WHERE s.name = in_stream AND s.state = 'live'
    RETURNING s.* INTO stream_row;
    moved := FOUND;
    stream_row.version := stream_row.version - wanted;
  ELSE
    SELECT s.* INTO stream_row FROM @schema@.streams s WHERE s.name = in_stream FOR NO KEY UPDATE;
  END IF;
  stream_found := moved OR FOUND;
  IF NOT stream_found THEN
    PERFORM pg_catalog.pg_advisory_xact_lock(
      pg_catalog.hashtextextended('penstock.' || @schema_text@ || '.stream.' || in_stream, 0));
    SELECT s.* INTO stream_row FROM @schema@.streams s WHERE s.name = in_stream FOR NO KEY UPDATE;
    stream_found := FOUND;
  END IF;

  IF stream_found AND stream_row.state = 'tombstoned' THEN
    RAISE EXCEPTION 'stream "%" is tombstoned', in_stream USING ERRCODE = 'PS002';
  END IF;
  IF stream_found AND pg_catalog.cardinality(given) > 0 THEN
    known := @schema@.known_version(in_stream, in_expected, stream_row.version, ids);
    IF known IS NOT NULL THEN
      RETURN known;
    END IF;
  END IF;
  IF stream_found AND in_category IS NOT NULL AND in_category <> stream_row.category THEN
    RAISE EXCEPTION 'stream "%" has the category "%", not "%"', in_stream, stream_row.category, in_category
      USING ERRCODE = 'PS005', HINT = 'A stream keeps the category of its first event.';
  END IF;
  IF stream_found AND stream_row.state = 'deleted' AND in_expected = -4 THEN
    RAISE EXCEPTION 'stream "%" is deleted', in_stream USING ERRCODE = 'PS002';
  END IF;
  IF (stream_found AND ((in_expected = -1 AND stream_row.state = 'live') OR (in_expected >= 0 AND in_expected <> stream_row.version)))
     OR (NOT stream_found AND in_expected NOT IN (-1, -2)) THEN
    RAISE EXCEPTION 'stream "%": expected %, actual %', in_stream,
      CASE in_expected WHEN -1 THEN 'none' WHEN -4 THEN 'exists' ELSE in_expected::text END,
      coalesce(stream_row.version::text, 'none')
      USING ERRCODE = 'PS001', HINT = 'Read the stream and decide again.';
  END IF;

  IF stream_found THEN
    next_version := stream_row.version + 1;
    IF NOT moved THEN
      UPDATE @schema@.streams s SET version = s.version + wanted WHERE s.name = in_stream;
    END IF;
  ELSE
    next_version := 0;
    stream_row.category := coalesce(in_category,
      CASE WHEN pg_catalog.strpos(in_stream, '-') > 1
           THEN pg_catalog.left(in_stream, pg_catalog.strpos(in_stream, '-') - 1) ELSE in_stream END);
    IF pg_catalog.octet_length(stream_row.category) > limits.type_bytes THEN
      RAISE EXCEPTION 'the category, which is the stream name up to the first "-", has more than % bytes',
        limits.type_bytes USING ERRCODE = 'PS003';
    END IF;
    INSERT INTO @schema@.streams (name, category, version) VALUES (in_stream, stream_row.category, wanted - 1)
    ON CONFLICT (name) DO NOTHING;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'stream "%" was made by another transaction meanwhile', in_stream
        USING ERRCODE = 'serialization_failure', HINT = 'Try the transaction again.';
    END IF;
  END IF;
  SELECT h.incarnation INTO now_incarnation FROM @schema@.head h WHERE h.id = 1;
  number := 0;
  FOREACH event IN ARRAY in_events LOOP
    number := number + 1;
    IF wanted > 1 THEN
      tags := @schema@.check_new_event(event, number, limits);
    END IF;
    INSERT INTO @schema@.inbox (incarnation, version, occurred_at, id, stream, category, type, content_type,
                                metadata, tags, data)
    VALUES (now_incarnation, next_version + number - 1, event.occurred_at, ids[number], in_stream,
            stream_row.category, event.type, coalesce(event.content_type, 'application/json'),
            coalesce(event.metadata, '{}'), tags, event.data);
  END LOOP;
  RETURN next_version + wanted - 1;
END
$function$;

-- As before, with a value in place of each field of a row, and without a lock before the change that takes it too: an
-- id that turns out to be known takes the version back.
DROP FUNCTION @schema@.append_event(text, text, bigint, @schema@.new_event);
CREATE FUNCTION @schema@.append_event(
  in_stream text, in_category text, in_expected bigint, in_type text, in_data bytea, in_id uuid, in_content_type text,
  in_metadata json, in_occurred_at timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $function$
DECLARE
  stream_category text;
  next_version bigint;
BEGIN
  IF in_metadata::text = '{}' AND pg_catalog.octet_length(in_type) > 0 AND pg_catalog.octet_length(in_content_type) > 0
     AND in_id IS DISTINCT FROM '00000000-0000-0000-0000-000000000000' AND in_occurred_at IS NULL THEN
    UPDATE @schema@.streams s SET version = s.version + 1
    WHERE s.name = in_stream AND s.state = 'live' AND s.category = coalesce(in_category, s.category)
      AND (in_expected IN (-2, -4) OR in_expected = s.version)
      AND (SELECT coalesce(pg_catalog.octet_length(in_data), 0) <= l.event_bytes
                  AND pg_catalog.octet_length(in_type) <= l.type_bytes
                  AND pg_catalog.octet_length(in_content_type) <= l.type_bytes
                  AND pg_catalog.octet_length(in_stream) <= l.stream_bytes
           FROM @schema@.limits l WHERE l.id = 1)
    RETURNING s.category, s.version INTO stream_category, next_version;
    IF FOUND THEN
      -- Whether an id is known is asked in a statement that begins under the stream's lock: the snapshot of an
      -- earlier one does not see what the last holder wrote.
      INSERT INTO @schema@.inbox (incarnation, version, id, stream, category, type, content_type, metadata, tags, data)
      SELECT h.incarnation, next_version, coalesce(in_id, @schema@.make_event_id()), in_stream, stream_category, in_type,
             in_content_type, in_metadata, '{}', in_data
      FROM @schema@.head h
      WHERE h.id = 1
        AND (in_id IS NULL
             OR NOT EXISTS (SELECT FROM @schema@.events e WHERE e.id = in_id AND e.stream = in_stream)
                AND NOT EXISTS (SELECT FROM @schema@.inbox w WHERE w.id = in_id AND w.stream = in_stream));
      IF FOUND THEN
        RETURN next_version;
      END IF;
      UPDATE @schema@.streams s SET version = s.version - 1 WHERE s.name = in_stream;
    END IF;
  END IF;
  RETURN @schema@.append_to_inbox(
    in_stream, in_category, in_expected,
    ARRAY[ROW(in_type, in_data, in_id, in_content_type, in_metadata, in_occurred_at)::@schema@.new_event]);
END
$function$;

CREATE OR REPLACE FUNCTION @schema@.append(
  stream text, type text, data bytea, expected bigint DEFAULT -2, id uuid DEFAULT NULL,
  content_type text DEFAULT 'application/json', metadata json DEFAULT '{}', category text DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $function$
BEGIN
  RETURN @schema@.append_event($1, $8, $4, $2, $3, $5, $6, $7, $9);
END
$function$;

CREATE OR REPLACE FUNCTION @schema@.append(
  stream text, type text, data jsonb, expected bigint DEFAULT -2, id uuid DEFAULT NULL,
  content_type text DEFAULT 'application/json', metadata json DEFAULT '{}', category text DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $function$
BEGIN
  RETURN @schema@.append_event($1, $8, $4, $2, pg_catalog.convert_to($3::text, 'UTF8'), $5, $6, $7, $9);
END
$function$;
