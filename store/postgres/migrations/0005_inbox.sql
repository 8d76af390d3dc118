-- Appends from inside the transactions of others. The functions write to the inbox under the lock of the
-- stream's row, without any position and without a lock that all share; whoever appends next, or watches,
-- sweeps what was committed into the log.
CREATE TYPE @schema@.new_event AS (
  type         text,
  data         bytea,
  id           uuid,         -- null: one is made
  content_type text,         -- null: application/json
  metadata     json,         -- null: {}
  occurred_at  timestamptz   -- null: when it gets its position
);

-- `ins` is drawn under the lock of the stream. It must not be cached: a later version would get a lower one.
CREATE TABLE @schema@.inbox (
  ins          bigint      GENERATED ALWAYS AS IDENTITY (CACHE 1),
  incarnation  bigint      NOT NULL,
  xid8         xid8        NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
  version      bigint      NOT NULL,
  occurred_at  timestamptz,
  id           uuid        NOT NULL,
  stream       text        COLLATE "C" NOT NULL,
  category     text        COLLATE "C" NOT NULL,
  type         text        COLLATE "C" NOT NULL,
  content_type text        COLLATE "C" NOT NULL,
  metadata     json        NOT NULL,
  tags         text[]      NOT NULL,
  data         bytea,
  CONSTRAINT inbox_ins PRIMARY KEY (ins),
  CONSTRAINT inbox_stream_version UNIQUE (stream, version),
  CONSTRAINT inbox_id_stream UNIQUE (id, stream)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- What a stream holds, also what has no position yet: a writer reads what it wrote.
CREATE VIEW @schema@.stream_events AS
  SELECT e.stream, e.version, e.position, e.id, e.category, e.type, e.data, e.content_type, e.metadata,
         e.occurred_at, e.recorded_at
  FROM @schema@.events e
  UNION ALL
  SELECT i.stream, i.version, NULL, i.id, i.category, i.type, i.data, i.content_type, i.metadata,
         i.occurred_at, NULL
  FROM @schema@.inbox i;

-- RFC 9562, version 7: the time in milliseconds, then random bits.
CREATE FUNCTION @schema@.make_event_id() RETURNS uuid LANGUAGE plpgsql VOLATILE AS $function$
DECLARE
  milliseconds bigint := pg_catalog.floor(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000);
  bytes bytea := pg_catalog.uuid_send(pg_catalog.gen_random_uuid());
BEGIN
  bytes := pg_catalog.overlay(bytes, pg_catalog.substring(pg_catalog.int8send(milliseconds), 3), 1, 6);
  RETURN pg_catalog.encode(pg_catalog.set_byte(bytes, 6, 112 | (pg_catalog.get_byte(bytes, 6) & 15)), 'hex')::uuid;
END
$function$;

-- Refuses what the sequencer could not write, or a reader not read: nothing in the inbox may fail later.
-- Answers the tags.
CREATE FUNCTION @schema@.check_new_event(in_event @schema@.new_event, in_number integer) RETURNS text[]
LANGUAGE plpgsql AS $function$
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
  problem := CASE
    WHEN pg_catalog.octet_length(in_event.type) > 255 THEN 'the type has more than 255 bytes'
    WHEN pg_catalog.octet_length(in_event.content_type) > 255 THEN 'the content type has more than 255 bytes'
    WHEN pg_catalog.octet_length(in_event.data) > 1048576 THEN 'the data has more than 1048576 bytes'
    WHEN pg_catalog.octet_length(metadata_text) > 65536 THEN 'the metadata has more than 65536 bytes'
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

-- Of a request all of whose ids, or some, are in the stream already: the original version of its last
-- event, or null if none is there. The stream's row is locked.
CREATE FUNCTION @schema@.known_version(in_stream text, in_expected bigint, in_last bigint, in_ids uuid[])
RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
  versions bigint[];
  wanted bigint := pg_catalog.cardinality(in_ids);
BEGIN
  SELECT pg_catalog.array_agg(k.version ORDER BY i.number) INTO versions
  FROM pg_catalog.unnest(in_ids) WITH ORDINALITY i(id, number),
       LATERAL (SELECT e.version FROM @schema@.events e WHERE e.id = i.id AND e.stream = in_stream
                UNION ALL
                SELECT w.version FROM @schema@.inbox w WHERE w.id = i.id AND w.stream = in_stream) k;
  IF versions IS NULL THEN
    RETURN NULL;
  END IF;
  IF pg_catalog.cardinality(versions) < wanted THEN
    RAISE EXCEPTION 'stream "%" has % of the % events already', in_stream, pg_catalog.cardinality(versions), wanted
      USING ERRCODE = 'PS004', HINT = 'Send a retry with the same events as the first time, and new events apart.';
  END IF;
  FOR n IN 2 .. wanted LOOP
    IF versions[n] <> versions[n - 1] + 1 THEN
      RAISE EXCEPTION 'stream "%" has these event ids already, in another order', in_stream USING ERRCODE = 'PS004';
    END IF;
  END LOOP;
  IF (in_expected = -1 AND versions[1] <> 0) OR (in_expected >= 0 AND versions[1] <> in_expected + 1) THEN
    IF in_expected = in_last THEN
      RAISE EXCEPTION 'stream "%" has event % already, at version %', in_stream, in_ids[1], versions[1]
        USING ERRCODE = 'PS004', HINT = 'Give each event an id of its own.';
    END IF;
    RAISE EXCEPTION 'stream "%": expected %, actual %', in_stream,
      CASE in_expected WHEN -1 THEN 'none' ELSE in_expected::text END, in_last USING ERRCODE = 'PS001';
  END IF;
  RETURN versions[wanted];
END
$function$;

-- The one way into the inbox. Answers the version of the last event.
-- The row of the stream is locked until the caller commits: whoever appends to the stream next draws its
-- number after that, which is what the order of the sweep stands on.
CREATE FUNCTION @schema@.append_to_inbox(
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
BEGIN
  IF coalesce(in_stream, '') = '' THEN
    RAISE EXCEPTION 'the stream name is empty' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF pg_catalog.left(in_stream, 1) IN ('$', '@') OR in_stream IN ('all', 'count') THEN
    RAISE EXCEPTION 'the stream name "%" is reserved', pg_catalog.left(in_stream, 100)
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF pg_catalog.octet_length(in_stream) > 1024 OR pg_catalog.octet_length(in_category) > 255 THEN
    RAISE EXCEPTION 'the stream name has more than 1024 bytes, or the category more than 255'
      USING ERRCODE = 'PS003';
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
  IF wanted > 1000 THEN
    RAISE EXCEPTION 'there are % events, at most 1000 are allowed', wanted USING ERRCODE = 'PS003';
  END IF;
  FOREACH event IN ARRAY in_events LOOP
    number := number + 1;
    tags := @schema@.check_new_event(event, number);
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
  IF wanted > 1 AND bytes > 4194304 THEN
    RAISE EXCEPTION 'the events have % bytes, at most 4194304 are allowed', bytes USING ERRCODE = 'PS003';
  END IF;

  -- Ids of our own can't be known: the row is locked and moved in one step. An error takes that back.
  IF pg_catalog.cardinality(given) = 0 THEN
    UPDATE @schema@.streams s SET version = s.version + wanted WHERE s.name = in_stream RETURNING s.* INTO stream_row;
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
  IF (stream_found AND (in_expected = -1 OR (in_expected >= 0 AND in_expected <> stream_row.version)))
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
    IF pg_catalog.octet_length(stream_row.category) > 255 THEN
      RAISE EXCEPTION 'the category, which is the stream name up to the first "-", has more than 255 bytes'
        USING ERRCODE = 'PS003';
    END IF;
    INSERT INTO @schema@.streams (name, category, version) VALUES (in_stream, stream_row.category, wanted - 1);
  END IF;
  SELECT h.incarnation INTO now_incarnation FROM @schema@.head h WHERE h.id = 1;
  number := 0;
  FOREACH event IN ARRAY in_events LOOP
    number := number + 1;
    IF wanted > 1 THEN
      tags := @schema@.check_new_event(event, number);
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

-- Plans are kept for the life of the caller's session: without statistics one made while the tables are
-- small would scan them when they are large.
CREATE FUNCTION @schema@.append(
  stream text, type text, data bytea, expected bigint DEFAULT -2, id uuid DEFAULT NULL,
  content_type text DEFAULT 'application/json', metadata json DEFAULT '{}', category text DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $function$
BEGIN
  RETURN @schema@.append_to_inbox($1, $8, $4, ARRAY[ROW($2, $3, $5, $6, $7, $9)::@schema@.new_event]);
END
$function$;

CREATE FUNCTION @schema@.append(
  stream text, type text, data jsonb, expected bigint DEFAULT -2, id uuid DEFAULT NULL,
  content_type text DEFAULT 'application/json', metadata json DEFAULT '{}', category text DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $function$
BEGIN
  RETURN @schema@.append_to_inbox($1, $8, $4,
    ARRAY[ROW($2, pg_catalog.convert_to($3::text, 'UTF8'), $5, $6, $7, $9)::@schema@.new_event]);
END
$function$;

CREATE FUNCTION @schema@.append_many(
  stream text, expected bigint, events @schema@.new_event[], category text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $function$
BEGIN
  RETURN @schema@.append_to_inbox($1, $4, $2, $3);
END
$function$;

-- Moves what others have committed into the log: whole transactions, as many as have in_rows rows
-- together, in the order of their last rows. If the first alone has more, it is moved only when
-- in_whatever says so. The caller holds the lock of the head, or gets it here.
-- Within a stream the last row of a later transaction comes after all rows of the one before, because its
-- numbers were drawn under the stream's lock; so versions ascend, and no later sweep can bring one that
-- belongs before. A transaction stays together. Answers no row when the inbox is empty.
CREATE FUNCTION @schema@.sweep(in_rows bigint, in_whatever boolean)
RETURNS TABLE (moved bigint, head bigint, recorded_at timestamptz, remain boolean) LANGUAGE plpgsql AS $function$
DECLARE
  head_row @schema@.head;
  cut bigint;
  first_last bigint;
  highest bigint;
  created bigint;
  now_at timestamptz;
BEGIN
  IF NOT EXISTS (SELECT FROM @schema@.inbox) THEN
    RETURN;
  END IF;
  SELECT h.* INTO head_row FROM @schema@.head h WHERE h.id = 1 FOR NO KEY UPDATE;
  SELECT pg_catalog.max(g.last) FILTER (WHERE g.running <= in_rows), pg_catalog.min(g.last), pg_catalog.max(g.last)
  INTO cut, first_last, highest
  FROM (SELECT pg_catalog.max(i.ins) AS last,
               pg_catalog.sum(pg_catalog.count(*)) OVER (ORDER BY pg_catalog.max(i.ins)) AS running
        FROM @schema@.inbox i GROUP BY i.xid8, i.incarnation) g;
  IF highest IS NULL THEN
    RETURN;
  END IF;
  moved := 0;
  head := head_row.position;
  recorded_at := head_row.recorded_at;
  remain := true;
  IF cut IS NULL THEN
    IF NOT in_whatever THEN
      RETURN NEXT;
      RETURN;
    END IF;
    cut := first_last;
  END IF;

  now_at := greatest(pg_catalog.clock_timestamp(), head_row.recorded_at);
  WITH ordered AS (
    SELECT i.ins, pg_catalog.max(i.ins) OVER (PARTITION BY i.xid8, i.incarnation) AS last FROM @schema@.inbox i
  ), taken AS (
    DELETE FROM @schema@.inbox i USING ordered o WHERE i.ins = o.ins AND o.last <= cut RETURNING i.*, o.last
  ), numbered AS (
    SELECT head_row.position + pg_catalog.row_number() OVER (ORDER BY t.last, t.ins) AS position, t.* FROM taken t
  ), written AS (
    INSERT INTO @schema@.events (position, version, occurred_at, recorded_at, id, stream, category, type,
                                 content_type, metadata, data)
    SELECT n.position, n.version, coalesce(n.occurred_at, now_at), now_at, n.id, n.stream, n.category, n.type,
           n.content_type, n.metadata, n.data
    FROM numbered n ORDER BY n.position
  ), tagged AS (
    INSERT INTO @schema@.tags (tag, position)
    SELECT t.tag, n.position FROM numbered n, LATERAL pg_catalog.unnest(n.tags) t(tag)
  )
  SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE n.version = 0) INTO moved, created FROM numbered n;
  UPDATE @schema@.head h
  SET position = head_row.position + moved, recorded_at = now_at, streams = h.streams + created
  WHERE h.id = 1;
  head := head_row.position + moved;
  recorded_at := now_at;
  remain := highest > cut;
  RETURN NEXT;
END
$function$;

-- The lowest number in the inbox as soon as a row is committed there, or null after in_milliseconds. One
-- call a second instead of a hundred: each look is a statement of its own inside the server.
CREATE FUNCTION @schema@.await_inbox(in_milliseconds integer) RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
  lowest bigint;
  until timestamptz := pg_catalog.clock_timestamp() + in_milliseconds * interval '1 millisecond';
BEGIN
  LOOP
    SELECT i.ins INTO lowest FROM @schema@.inbox i ORDER BY i.ins LIMIT 1;
    IF FOUND THEN
      RETURN lowest;
    END IF;
    IF pg_catalog.clock_timestamp() >= until THEN
      RETURN NULL;
    END IF;
    PERFORM pg_catalog.pg_sleep(0.012);
  END LOOP;
END
$function$;

-- append_one with the sweep in it. What it sweeps stays also where it then declines.
CREATE OR REPLACE FUNCTION @schema@.append_one(
  in_incarnation bigint, in_stream text, in_category text, in_expected bigint,
  in_ids uuid[], in_types text[], in_content_types text[], in_metadata text[],
  in_occurred_at timestamptz[], in_data bytea[], in_tags text[], in_tag_events bigint[])
RETURNS TABLE (first_version bigint, first_position bigint)
LANGUAGE plpgsql AS $function$
DECLARE
  head_row @schema@.head;
  stream_row @schema@.streams;
  stream_found boolean;
  sweep_row record;
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

  -- After the locks: a version that another has committed gets its position before the next one does.
  IF EXISTS (SELECT FROM @schema@.inbox) THEN
    SELECT w.* INTO sweep_row FROM @schema@.sweep(10000, false) w;
    IF sweep_row.remain THEN
      RETURN;
    END IF;
    SELECT h.* INTO head_row FROM @schema@.head h WHERE h.id = 1;
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
  IF pg_catalog.cardinality(in_tags) > 0 THEN
    INSERT INTO @schema@.tags (tag, position)
    SELECT t.tag, first_position + t.event - 1 FROM unnest(in_tags, in_tag_events) t(tag, event);
  END IF;
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

REVOKE ALL ON FUNCTION
  @schema@.append(text, text, bytea, bigint, uuid, text, json, text, timestamptz),
  @schema@.append(text, text, jsonb, bigint, uuid, text, json, text, timestamptz),
  @schema@.append_many(text, bigint, @schema@.new_event[], text),
  @schema@.append_to_inbox(text, text, bigint, @schema@.new_event[]),
  @schema@.sweep(bigint, boolean)
FROM PUBLIC;
