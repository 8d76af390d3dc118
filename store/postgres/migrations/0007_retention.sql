-- What is still read of a stream (store/retention.h), and how far it was scavenged: versions below
-- `scavenged_before` are stubs.
ALTER TABLE @schema@.streams
  ADD COLUMN state            text   NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'deleted', 'tombstoned')),
  ADD COLUMN truncate_before  bigint NOT NULL DEFAULT 0,
  ADD COLUMN max_count        bigint CHECK (max_count > 0),
  ADD COLUMN max_age          bigint CHECK (max_age > 0),  -- microseconds
  ADD COLUMN scavenged_before bigint NOT NULL DEFAULT 0;

CREATE INDEX streams_to_scavenge ON @schema@.streams (name)
WHERE truncate_before > scavenged_before OR max_count IS NOT NULL OR max_age IS NOT NULL;

-- A stub keeps position, stream, category, version and id. The check is not asked of older rows: they
-- were written when no such column could be null.
ALTER TABLE @schema@.events
  ADD COLUMN removed_at timestamptz,
  ALTER COLUMN occurred_at DROP NOT NULL,
  ALTER COLUMN recorded_at DROP NOT NULL,
  ALTER COLUMN type DROP NOT NULL,
  ALTER COLUMN content_type DROP NOT NULL,
  ALTER COLUMN metadata DROP NOT NULL;
ALTER TABLE @schema@.events ADD CONSTRAINT events_whole_or_stub CHECK (
  CASE WHEN removed_at IS NULL
       THEN occurred_at IS NOT NULL AND recorded_at IS NOT NULL AND type IS NOT NULL AND content_type IS NOT NULL
            AND metadata IS NOT NULL
       ELSE occurred_at IS NULL AND recorded_at IS NULL AND type IS NULL AND content_type IS NULL
            AND metadata IS NULL AND data IS NULL END) NOT VALID;

-- The one change that passes: an event becomes its stub, by the function that scavenges.
DROP TRIGGER events_are_append_only ON @schema@.events;
CREATE TRIGGER events_are_append_only BEFORE DELETE OR TRUNCATE ON @schema@.events
FOR EACH STATEMENT EXECUTE FUNCTION @schema@.refuse_change();
CREATE TRIGGER events_only_become_stubs BEFORE UPDATE ON @schema@.events FOR EACH ROW
WHEN (coalesce(pg_catalog.current_setting('penstock.scavenging', true), '') <> 'on'
      OR NEW.removed_at IS NULL OR OLD.removed_at IS NOT NULL
      OR (NEW.position, NEW.stream, NEW.category, NEW.version, NEW.id)
         IS DISTINCT FROM (OLD.position, OLD.stream, OLD.category, OLD.version, OLD.id))
EXECUTE FUNCTION @schema@.refuse_change();

-- Whoever writes to a stream that was deleted revives it, and nobody writes to one that is tombstoned.
CREATE FUNCTION @schema@.write_to_removed_stream() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  IF OLD.state = 'tombstoned' THEN
    RAISE EXCEPTION 'stream "%" is tombstoned', OLD.name USING ERRCODE = 'PS002';
  END IF;
  NEW.state := 'live';
  RETURN NEW;
END
$function$;
CREATE TRIGGER streams_are_revived BEFORE UPDATE OF version ON @schema@.streams FOR EACH ROW
WHEN (OLD.state <> 'live' AND NEW.version > OLD.version) EXECUTE FUNCTION @schema@.write_to_removed_stream();

-- Counted events that are stubs by now were taken out of `kinds`; `removed` counts all of them.
ALTER TABLE @schema@.kinds_counted ADD COLUMN removed bigint NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION @schema@.count_kinds(in_positions bigint) RETURNS bigint
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
  WHERE e.position > counted AND e.position <= until AND e.removed_at IS NULL GROUP BY e.category, e.type
  ON CONFLICT (category, type) DO UPDATE SET events = k.events + excluded.events;
  UPDATE @schema@.kinds_counted c SET position = until WHERE c.id = 1;
  RETURN head - until;
END
$function$;

-- Makes stubs of the next events of one stream that are not read any more, at most so many, and answers
-- how many these were. A stream that somebody else holds is left for another time.
CREATE FUNCTION @schema@.scavenge_stream(in_stream text, in_most bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  found_stream @schema@.streams;
  first_kept bigint;
  oldest timestamptz := '-infinity';
  counted bigint;
  gone_positions bigint[];
  gone bigint;
BEGIN
  SELECT s.* INTO found_stream FROM @schema@.streams s WHERE s.name = in_stream FOR NO KEY UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  first_kept := greatest(found_stream.truncate_before,
                         coalesce(found_stream.version - found_stream.max_count + 1, 0));
  IF found_stream.max_age IS NOT NULL THEN
    oldest := clock_timestamp() - found_stream.max_age * interval '1 microsecond';
  END IF;
  SELECT coalesce(array_agg(e.position), '{}') INTO gone_positions FROM @schema@.events e
  WHERE e.stream = in_stream AND e.version >= found_stream.scavenged_before
    AND e.version < found_stream.scavenged_before + in_most
    AND (e.version < first_kept OR e.recorded_at <= oldest) AND e.removed_at IS NULL;
  gone := cardinality(gone_positions);
  IF gone = 0 THEN
    RETURN 0;
  END IF;

  -- This row is the lock of the counters: what is counted while we take away would be counted twice or never.
  SELECT c.position INTO counted FROM @schema@.kinds_counted c WHERE c.id = 1 FOR NO KEY UPDATE;
  UPDATE @schema@.kinds k SET events = k.events - g.events
  FROM (SELECT e.category, e.type, count(*) AS events FROM @schema@.events e
        WHERE e.position = ANY (gone_positions) AND e.position <= counted GROUP BY e.category, e.type) g
  WHERE k.category = g.category AND k.type = g.type;
  UPDATE @schema@.kinds_counted c SET removed = c.removed + gone WHERE c.id = 1;

  -- Metadata with an escaped NUL can't be taken apart here: the row of its tag stays and leads to a stub.
  DELETE FROM @schema@.tags t
  USING (SELECT e.position, unnest(@schema@.tags_of(e.metadata)) AS tag FROM @schema@.events e
         WHERE e.position = ANY (gone_positions) AND strpos(e.metadata::text, '\u0000') = 0) g
  WHERE t.tag = g.tag AND t.position = g.position;
  -- Not as a clause of this function: only a superuser may name a parameter there that no module defines.
  PERFORM set_config('penstock.scavenging', 'on', true);
  UPDATE @schema@.events e
  SET occurred_at = NULL, recorded_at = NULL, type = NULL, content_type = NULL, metadata = NULL, data = NULL,
      removed_at = clock_timestamp()
  WHERE e.position = ANY (gone_positions);
  PERFORM set_config('penstock.scavenging', 'off', true);
  UPDATE @schema@.streams s SET scavenged_before = found_stream.scavenged_before + gone WHERE s.name = in_stream;
  RETURN gone;
END
$function$;

-- What can be read of a stream, also what has no position yet.
CREATE OR REPLACE VIEW @schema@.stream_events AS
  SELECT e.stream, e.version, e.position, e.id, e.category, e.type, e.data, e.content_type, e.metadata,
         e.occurred_at, e.recorded_at
  FROM @schema@.events e JOIN @schema@.streams s ON s.name = e.stream
  WHERE e.removed_at IS NULL
    AND e.version >= greatest(s.truncate_before, coalesce(s.version - s.max_count + 1, 0))
    AND (s.max_age IS NULL
         OR e.recorded_at > pg_catalog.clock_timestamp() - s.max_age * interval '1 microsecond')
  UNION ALL
  SELECT i.stream, i.version, NULL, i.id, i.category, i.type, i.data, i.content_type, i.metadata,
         i.occurred_at, NULL
  FROM @schema@.inbox i JOIN @schema@.streams s ON s.name = i.stream
  WHERE i.version >= greatest(s.truncate_before, coalesce(s.version - s.max_count + 1, 0));

-- As before, but a stream that was removed is left to the full transaction, which knows the answers.
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
    IF stream_row.state <> 'live' OR stream_row.category <> in_category OR in_expected = -1
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

-- As before, but a stream that was deleted begins anew where it is no longer read.
CREATE OR REPLACE FUNCTION @schema@.known_version(in_stream text, in_expected bigint, in_last bigint, in_ids uuid[])
RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
  versions bigint[];
  wanted bigint := pg_catalog.cardinality(in_ids);
  begun bigint;  -- where the stream begins anew, if it was deleted
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
  SELECT s.truncate_before INTO begun FROM @schema@.streams s WHERE s.name = in_stream;
  IF (in_expected = -1 AND versions[1] NOT IN (0, begun)) OR (in_expected >= 0 AND versions[1] <> in_expected + 1) THEN
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

-- As before, but for streams that were removed: PS002 for one that is tombstoned, and for one that is
-- deleted where an existing stream is expected.
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
