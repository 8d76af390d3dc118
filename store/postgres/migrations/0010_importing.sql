-- Whether the store is being filled from an archive: nobody else appends to it or drives a route meanwhile.
-- The trigger is where all ways to a position meet: appends, the sweep of the inbox, append_one.
ALTER TABLE @schema@.head ADD COLUMN importing boolean NOT NULL DEFAULT false;

CREATE FUNCTION @schema@.refuse_while_importing() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  RAISE EXCEPTION 'an import of this store has not ended' USING ERRCODE = 'PS006';
END
$function$;

CREATE TRIGGER head_is_importing BEFORE UPDATE OF position ON @schema@.head FOR EACH ROW
WHEN (OLD.importing AND coalesce(pg_catalog.current_setting('penstock.importing', true), '') <> 'on')
EXECUTE FUNCTION @schema@.refuse_while_importing();

-- Stubs that were written as such: `removed` counts them, though nothing was scavenged here.
CREATE FUNCTION @schema@.count_loaded_stubs(in_stubs bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
  UPDATE @schema@.kinds_counted c SET removed = c.removed + in_stubs
  WHERE c.id = 1 AND (SELECT h.importing FROM @schema@.head h WHERE h.id = 1)
$function$;
