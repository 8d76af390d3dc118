#!/bin/sh
# An orders service in a few lines: each order and its event are committed together.
#   DATABASE_URL_FILE (default /run/secrets/database_url), ORDERS (how many, default endless), PAUSE (seconds, default 1)
set -eu
url=$(cat "${DATABASE_URL_FILE:-/run/secrets/database_url}")
left=${ORDERS:--1}
while [ "$left" -ne 0 ]; do
  psql -q -X -v ON_ERROR_STOP=1 "$url" <<'SQL'
with new_order as (
  insert into shop.orders (article, amount) values ('penstock', 1 + floor(random() * 9)::int) returning *
)
insert into shop.outbox (aggregatetype, aggregateid, type, payload)
select 'order', id::text, 'OrderPlaced', jsonb_build_object('id', id, 'article', article, 'amount', amount)
from new_order;
SQL
  left=$((left - 1))
  sleep "${PAUSE:-1}"
done
