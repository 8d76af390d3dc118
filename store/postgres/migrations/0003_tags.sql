-- One row a tag of an event (store/event_tags.h), so that events are found by their tags and a position.
CREATE TABLE @schema@.tags (
  tag      text   COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  CONSTRAINT tags_tag_position PRIMARY KEY (tag, position)
);

-- The tags that metadata names, each once.
CREATE FUNCTION @schema@.tags_of(in_metadata json) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT AS $function$
  SELECT coalesce(pg_catalog.array_agg(DISTINCT t.value #>> '{}'), '{}')
  FROM pg_catalog.json_array_elements(
         CASE pg_catalog.json_typeof(in_metadata -> 'tags') WHEN 'array' THEN in_metadata -> 'tags' ELSE '[]' END)
       t(value)
  WHERE pg_catalog.json_typeof(t.value) = 'string' AND t.value #>> '{}' <> ''
$function$;

-- Metadata with an escaped NUL is kept as text but can't be taken apart by Postgres.
INSERT INTO @schema@.tags (tag, position)
SELECT t.tag, e.position
FROM @schema@.events e, LATERAL pg_catalog.unnest(@schema@.tags_of(e.metadata)) t(tag)
WHERE pg_catalog.strpos(e.metadata::text, 'tags') > 0
  AND pg_catalog.strpos(e.metadata::text, '\u0000') = 0
  AND pg_catalog.octet_length(t.tag) <= 255;

-- append_one with the tags of the new events: in_tag_events says of each to which event it belongs, from 1.
DROP FUNCTION @schema@.append_one(bigint, text, text, bigint, uuid[], text[], text[], text[], timestamptz[], bytea[]);
CREATE FUNCTION @schema@.append_one(
  in_incarnation bigint, in_stream text, in_category text, in_expected bigint,
  in_ids uuid[], in_types text[], in_content_types text[], in_metadata text[],
  in_occurred_at timestamptz[], in_data bytea[], in_tags text[], in_tag_events bigint[])
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
