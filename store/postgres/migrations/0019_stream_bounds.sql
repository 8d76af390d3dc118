-- A CHECK is read anew from its text by each statement that writes to the table, whatever it writes: the three of
-- `streams` were a tenth of what an append takes. They become a trigger, which is passed over by statements that set
-- none of these columns.
-- The strongest lock first: whoever appends meanwhile waits, and is waited for by nobody.
ALTER TABLE @schema@.streams
  DROP CONSTRAINT streams_state_check, DROP CONSTRAINT streams_max_count_check, DROP CONSTRAINT streams_max_age_check;
CREATE FUNCTION @schema@.refuse_bounds() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  RAISE EXCEPTION 'stream "%": % is no state, % no count or % no age', NEW.name, NEW.state, NEW.max_count, NEW.max_age
    USING ERRCODE = 'check_violation';
END
$function$;
CREATE TRIGGER streams_are_in_bounds BEFORE INSERT OR UPDATE OF state, max_count, max_age ON @schema@.streams FOR EACH ROW
WHEN (NEW.state NOT IN ('live', 'deleted', 'tombstoned') OR NEW.max_count <= 0 OR NEW.max_age <= 0)
EXECUTE FUNCTION @schema@.refuse_bounds();
