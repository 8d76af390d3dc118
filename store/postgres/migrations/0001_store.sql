-- @schema@ stands for the quoted name of the schema, which exists, and @schema_text@ for the same as a
-- literal.
CREATE TABLE @schema@.migrations (
  number     integer     PRIMARY KEY,
  name       text        NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- The one row that is counter and fence of the log: who appends holds its lock until the commit.
CREATE TABLE @schema@.head (
  id                integer     PRIMARY KEY CHECK (id = 1),
  position          bigint      NOT NULL,
  floor             bigint      NOT NULL,
  streams           bigint      NOT NULL,
  incarnation       bigint      NOT NULL,
  system_identifier text        NOT NULL,
  timeline          bigint      NOT NULL,
  recorded_at       timestamptz NOT NULL
) WITH (fillfactor = 10);

INSERT INTO @schema@.head (id, position, floor, streams, incarnation, system_identifier, timeline, recorded_at)
SELECT 1, 0, 0, 0, 1, c.system_identifier,
       ('x' || pg_catalog.lpad(pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8), 16, '0'))::bit(64)::bigint,
       '-infinity'
FROM pg_catalog.pg_control_system() c;

-- `data` is null where an event has no data, which is not the same as empty data.
CREATE TABLE @schema@.events (
  position     bigint      NOT NULL,
  version      bigint      NOT NULL,
  occurred_at  timestamptz NOT NULL,
  recorded_at  timestamptz NOT NULL,
  id           uuid        NOT NULL,
  stream       text        COLLATE "C" NOT NULL CHECK (pg_catalog.octet_length(stream) <= 1024),
  category     text        COLLATE "C" NOT NULL CHECK (pg_catalog.octet_length(category) <= 255),
  type         text        COLLATE "C" NOT NULL CHECK (pg_catalog.octet_length(type) <= 255),
  content_type text        COLLATE "C" NOT NULL,
  metadata     json        NOT NULL,
  data         bytea,
  CONSTRAINT events_position PRIMARY KEY (position),
  CONSTRAINT events_stream_version UNIQUE (stream, version),
  CONSTRAINT events_id_stream UNIQUE (id, stream)
);

CREATE INDEX events_category ON @schema@.events (category, position);

CREATE FUNCTION @schema@.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
END
$function$;

CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @schema@.events
FOR EACH STATEMENT EXECUTE FUNCTION @schema@.refuse_change();

-- The row of a stream is its lock and its version. No foreign key leads here: its check would wait
-- for rows that others hold.
CREATE TABLE @schema@.streams (
  name     text   COLLATE "C" PRIMARY KEY,
  category text   COLLATE "C" NOT NULL,
  version  bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE @schema@.checkpoints (
  route             text        COLLATE "C" PRIMARY KEY,
  position          bigint      NOT NULL,
  event_id          uuid        NOT NULL,
  system_identifier text        NOT NULL,
  timeline          bigint      NOT NULL,
  incarnation       bigint      NOT NULL,
  epoch             bigint      NOT NULL,
  updated_at        timestamptz NOT NULL
) WITH (fillfactor = 20);

-- `owner` is empty when the lease is nobody's. `locked`: the owner held the advisory lock of the
-- lease when it wrote, so that a free lock means that its session has ended.
CREATE TABLE @schema@.leases (
  name       text        COLLATE "C" PRIMARY KEY,
  owner      text        NOT NULL,
  epoch      bigint      NOT NULL,
  expires_at timestamptz NOT NULL,
  locked     boolean     NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE @schema@.parked (
  number     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind       text        NOT NULL CHECK (kind IN ('parked', 'skipped')),
  route      text        COLLATE "C" NOT NULL,
  source     text        COLLATE "C" NOT NULL,
  source_key text        COLLATE "C" NOT NULL,
  event_id   uuid,
  key        text,
  position   bigint,
  code       text        NOT NULL,
  reason     text        NOT NULL,
  content    text        NOT NULL,
  kept       text        NOT NULL CHECK (kept IN ('whole', 'by_reference')),
  digest     bytea       NOT NULL CHECK (pg_catalog.octet_length(digest) = 32),
  parked_at  timestamptz NOT NULL
);

-- Over a hash: an order value as text has no length limit, an index row has.
CREATE UNIQUE INDEX parked_once ON @schema@.parked
  (route, source, pg_catalog.md5(source_key), digest);
CREATE INDEX parked_by_route ON @schema@.parked (route, number);

CREATE TABLE @schema@.route_state (
  route       text        COLLATE "C" NOT NULL,
  instance    text        COLLATE "C" NOT NULL,
  phase       text        NOT NULL,
  code        text        NOT NULL,
  message     text        NOT NULL,
  since       timestamptz NOT NULL,
  settled     bigint,
  lag_events  bigint,
  lag_seconds double precision,
  details     json        NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (route, instance)
) WITH (fillfactor = 20);
