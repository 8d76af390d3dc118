-- Whole ranges at the beginning of the log can be dropped (store/retention.h). Positions up to `floor` are not read any
-- more; `floor_id` is the id of the event there, which checkpoints at the floor name. Rows up to `dropped` are gone.
ALTER TABLE @schema@.head ADD COLUMN floor_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE @schema@.kinds_counted ADD COLUMN dropped bigint NOT NULL DEFAULT 0;

-- The one deletion that passes: of what lies below the floor, by the function that drops.
CREATE FUNCTION @schema@.refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  IF coalesce(pg_catalog.current_setting('penstock.dropping', true), '') <> 'on'
     OR OLD.position > (SELECT h.floor FROM @schema@.head h WHERE h.id = 1) THEN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN OLD;
END
$function$;
DROP TRIGGER events_are_append_only ON @schema@.events;
CREATE TRIGGER events_are_append_only BEFORE TRUNCATE ON @schema@.events
FOR EACH STATEMENT EXECUTE FUNCTION @schema@.refuse_change();
CREATE TRIGGER events_go_below_the_floor BEFORE DELETE ON @schema@.events
FOR EACH ROW EXECUTE FUNCTION @schema@.refuse_deletion();

-- Takes away the next rows up to the floor, at most so many positions, and answers how many of them were events and no
-- stubs, and how many positions are left.
CREATE FUNCTION @schema@.drop_events(in_positions bigint) RETURNS TABLE (events bigint, positions_left bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  counted @schema@.kinds_counted;
  floor bigint;
  until bigint;
  stubs bigint;
BEGIN
  -- This row is the lock of the counters.
  SELECT c.* INTO counted FROM @schema@.kinds_counted c WHERE c.id = 1 FOR NO KEY UPDATE;
  SELECT h.floor INTO floor FROM @schema@.head h WHERE h.id = 1;
  until := least(floor, counted.dropped + in_positions);
  IF until <= counted.dropped THEN
    RETURN QUERY SELECT 0::bigint, 0::bigint;
    RETURN;
  END IF;

  UPDATE @schema@.kinds k SET events = k.events - g.events
  FROM (SELECT e.category, e.type, count(*) AS events FROM @schema@.events e
        WHERE e.position > counted.dropped AND e.position <= least(until, counted.position) AND e.removed_at IS NULL
        GROUP BY e.category, e.type) g
  WHERE k.category = g.category AND k.type = g.type;
  -- Metadata with an escaped NUL can't be taken apart here; the tags of such an event are looked for one by one.
  IF EXISTS (SELECT FROM @schema@.events e WHERE e.position > counted.dropped AND e.position <= until
             AND strpos(e.metadata::text, '\u0000') > 0) THEN
    DELETE FROM @schema@.tags t WHERE t.position > counted.dropped AND t.position <= until;
  ELSE
    DELETE FROM @schema@.tags t
    USING (SELECT e.position, unnest(@schema@.tags_of(e.metadata)) AS tag FROM @schema@.events e
           WHERE e.position > counted.dropped AND e.position <= until) g
    WHERE t.tag = g.tag AND t.position = g.position;
  END IF;
  PERFORM set_config('penstock.dropping', 'on', true);
  WITH gone AS (DELETE FROM @schema@.events e WHERE e.position > counted.dropped AND e.position <= until
                RETURNING e.removed_at)
  SELECT count(*) FILTER (WHERE g.removed_at IS NULL), count(*) FILTER (WHERE g.removed_at IS NOT NULL)
  INTO events, stubs FROM gone g;
  PERFORM set_config('penstock.dropping', 'off', true);
  UPDATE @schema@.kinds_counted c SET dropped = until, removed = c.removed - stubs WHERE c.id = 1;
  positions_left := floor - until;
  RETURN NEXT;
END
$function$;
REVOKE ALL ON FUNCTION @schema@.drop_events(bigint) FROM PUBLIC;

-- As before, but versions that are gone are passed over.
CREATE OR REPLACE FUNCTION @schema@.scavenge_stream(in_stream text, in_most bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  found_stream @schema@.streams;
  first_there bigint;
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
  first_there := coalesce(
    (SELECT e.version FROM @schema@.events e WHERE e.stream = in_stream AND e.version >= found_stream.scavenged_before
     ORDER BY e.version LIMIT 1),
    (SELECT i.version FROM @schema@.inbox i WHERE i.stream = in_stream ORDER BY i.version LIMIT 1),
    found_stream.version + 1);
  IF first_there > found_stream.scavenged_before THEN
    found_stream.scavenged_before := first_there;
    UPDATE @schema@.streams s SET scavenged_before = first_there WHERE s.name = in_stream;
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
  WHERE e.position = ANY (gone_positions) AND e.removed_at IS NULL;
  GET DIAGNOSTICS gone = ROW_COUNT;
  PERFORM set_config('penstock.scavenging', 'off', true);
  UPDATE @schema@.kinds_counted c SET removed = c.removed + gone WHERE c.id = 1;
  UPDATE @schema@.streams s SET scavenged_before = found_stream.scavenged_before + gone WHERE s.name = in_stream;
  RETURN gone;
END
$function$;
