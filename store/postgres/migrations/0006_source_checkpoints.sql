-- How far sources have come that keep their rows; the words of `position` are theirs.
CREATE TABLE @schema@.source_checkpoints (
  source            text        COLLATE "C" PRIMARY KEY,
  position          text        NOT NULL,
  system_identifier text        NOT NULL,
  timeline          bigint      NOT NULL,
  epoch             bigint      NOT NULL,
  updated_at        timestamptz NOT NULL
) WITH (fillfactor = 20);
