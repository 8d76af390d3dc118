-- Lets a store that is being filled and never had an event begin behind a floor; answers whether it does.
CREATE FUNCTION @schema@.begin_behind(in_floor bigint, in_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  UPDATE @schema@.head h SET position = in_floor, floor = in_floor, floor_id = in_id
  WHERE h.id = 1 AND h.importing AND h.position = 0;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE @schema@.kinds_counted c SET position = in_floor, dropped = in_floor WHERE c.id = 1;
  RETURN true;
END
$function$;
REVOKE ALL ON FUNCTION @schema@.begin_behind(bigint, uuid) FROM PUBLIC;
