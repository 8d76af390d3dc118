-- Events that were handed out and are gone (store/gaps.h): their ids, a line each. Kept for ever.
CREATE TABLE @schema@.gaps (
  number          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  route           text        COLLATE "C" NOT NULL,
  reason          text        NOT NULL,
  first_position  bigint      NOT NULL,
  last_position   bigint      NOT NULL,
  events          text        NOT NULL,
  recorded_at     timestamptz NOT NULL,
  acknowledged_by text        NOT NULL DEFAULT '',
  acknowledged_at timestamptz
);

CREATE UNIQUE INDEX gaps_once ON @schema@.gaps
  (route, reason, first_position, last_position, pg_catalog.md5(events));
CREATE INDEX gaps_open ON @schema@.gaps (route, number) WHERE acknowledged_at IS NULL;
