-- An import closes the inbox too. The trigger is switched on for an import only, so that appends by SQL pay nothing for
-- it. Switching it waits for every transaction that has appended, and later ones find it whatever snapshot they
-- have: a mark in a row would do neither.
CREATE FUNCTION @schema@.refuse_append_while_importing() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  RAISE EXCEPTION 'an import of this store has not ended'
    USING ERRCODE = 'PS006', HINT = 'Try again when `penstock store import` has ended.';
END
$function$;

CREATE TRIGGER inbox_is_importing BEFORE INSERT ON @schema@.inbox FOR EACH STATEMENT
EXECUTE FUNCTION @schema@.refuse_append_while_importing();

-- The mark on `head` and the trigger of the inbox, which only the owner may switch, together. The caller holds the
-- lock of the head.
CREATE FUNCTION @schema@.mark_importing(in_importing boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  UPDATE @schema@.head h SET importing = in_importing WHERE h.id = 1;
  IF in_importing THEN
    ALTER TABLE @schema@.inbox ENABLE TRIGGER inbox_is_importing;
  ELSE
    ALTER TABLE @schema@.inbox DISABLE TRIGGER inbox_is_importing;
  END IF;
END
$function$;
REVOKE ALL ON FUNCTION @schema@.mark_importing(boolean) FROM PUBLIC;

-- An import may be under way.
SELECT @schema@.mark_importing(h.importing) FROM @schema@.head h WHERE h.id = 1;
