-- What an append by SQL may have at most: [limits] of the `penstock run` that was started last. A table of its own:
-- the row of `head` changes with every append, and this one nearly never.
CREATE TABLE @schema@.limits (
  id             integer PRIMARY KEY CHECK (id = 1),
  event_bytes    bigint  NOT NULL,
  batch_events   bigint  NOT NULL,
  batch_bytes    bigint  NOT NULL,
  stream_bytes   bigint  NOT NULL,
  type_bytes     bigint  NOT NULL,
  metadata_bytes bigint  NOT NULL
);
INSERT INTO @schema@.limits (id, event_bytes, batch_events, batch_bytes, stream_bytes, type_bytes, metadata_bytes)
VALUES (1, 1048576, 1000, 4194304, 1024, 255, 65536);

-- The next three as before, but for the limits.
DROP FUNCTION @schema@.check_new_event(@schema@.new_event, integer);
CREATE FUNCTION @schema@.check_new_event(
  in_event @schema@.new_event, in_number integer, in_limits @schema@.limits) RETURNS text[] LANGUAGE plpgsql AS $function$
DECLARE
  problem text;
  named text := 'event ' || in_number || ': ';
  metadata_text text := in_event.metadata::text;
  tags text[];
BEGIN
  IF coalesce(in_event.type, '') = '' THEN
    RAISE EXCEPTION '%the type is empty', named USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF in_event.content_type = '' THEN
    RAISE EXCEPTION '%the content type is empty', named USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF in_event.id = '00000000-0000-0000-0000-000000000000' THEN
    RAISE EXCEPTION '%the id is the nil UUID', named USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF in_event.occurred_at NOT BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00' THEN
    RAISE EXCEPTION '%occurred_at is not in the years 1 to 9999', named USING ERRCODE = 'invalid_parameter_value';
  END IF;
  problem := CASE
    WHEN pg_catalog.octet_length(in_event.type) > in_limits.type_bytes
      THEN 'the type has more than ' || in_limits.type_bytes || ' bytes'
    WHEN pg_catalog.octet_length(in_event.content_type) > in_limits.type_bytes
      THEN 'the content type has more than ' || in_limits.type_bytes || ' bytes'
    WHEN pg_catalog.octet_length(in_event.data) > in_limits.event_bytes
      THEN 'the data has more than ' || in_limits.event_bytes || ' bytes'
    WHEN pg_catalog.octet_length(metadata_text) > in_limits.metadata_bytes
      THEN 'the metadata has more than ' || in_limits.metadata_bytes || ' bytes'
  END;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION '%', named || problem USING ERRCODE = 'PS003';
  END IF;
  IF coalesce(metadata_text, '{}') = '{}' THEN
    RETURN '{}';
  END IF;
  IF pg_catalog.json_typeof(in_event.metadata) <> 'object' THEN
    RAISE EXCEPTION '%the metadata is not a JSON object', named USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF pg_catalog.strpos(metadata_text, '\u') > 0 THEN
    PERFORM metadata_text::jsonb;  -- refuses an escaped NUL and halves of a character, which json lets pass
  END IF;
  IF pg_catalog.strpos(metadata_text, 'tags') = 0 AND pg_catalog.strpos(metadata_text, '\u') = 0 THEN
    RETURN '{}';
  END IF;
  tags := @schema@.tags_of(in_event.metadata);
  SELECT CASE WHEN pg_catalog.count(*) > 100 THEN 'it has more than 100 tags'
              WHEN pg_catalog.max(pg_catalog.octet_length(t.tag)) > 255 THEN 'a tag has more than 255 bytes' END
  INTO problem
  FROM pg_catalog.unnest(tags) t(tag);
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION '%', named || problem USING ERRCODE = 'PS003';
  END IF;
  RETURN tags;
END
$function$;

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
    INSERT INTO @schema@.streams (name, category, version) VALUES (in_stream, stream_row.category, wanted - 1);
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

CREATE OR REPLACE FUNCTION @schema@.append_event(
  in_stream text, in_category text, in_expected bigint, in_event @schema@.new_event) RETURNS bigint
LANGUAGE plpgsql AS $function$
DECLARE
  written bigint;
BEGIN
  IF (in_event.metadata)::text = '{}' AND pg_catalog.octet_length(in_event.type) > 0
     AND pg_catalog.octet_length(in_event.content_type) > 0
     AND in_event.id IS DISTINCT FROM '00000000-0000-0000-0000-000000000000' AND in_event.occurred_at IS NULL THEN
    -- Whether an id is known is asked in a statement that begins under the stream's lock: the snapshot of an
    -- earlier one does not see what the last holder wrote.
    IF in_event.id IS NOT NULL THEN
      PERFORM FROM @schema@.streams s WHERE s.name = in_stream FOR NO KEY UPDATE;
    END IF;
    WITH moved AS (
      UPDATE @schema@.streams s SET version = s.version + 1
      WHERE s.name = in_stream AND s.state = 'live' AND s.category = coalesce(in_category, s.category)
        AND (in_expected IN (-2, -4) OR in_expected = s.version)
        AND (SELECT coalesce(pg_catalog.octet_length(in_event.data), 0) <= l.event_bytes
                    AND pg_catalog.octet_length(in_event.type) <= l.type_bytes
                    AND pg_catalog.octet_length(in_event.content_type) <= l.type_bytes
                    AND pg_catalog.octet_length(in_stream) <= l.stream_bytes
             FROM @schema@.limits l WHERE l.id = 1)
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
