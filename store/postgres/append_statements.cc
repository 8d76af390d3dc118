#include "store/postgres/append_statements.h"

#include "store/postgres/event_encoding.h"

namespace penstock::store::postgres {

AppendStatements::AppendStatements(const Schema& schema)
    : begin{"begin", "BEGIN"},
      commit{"commit", "COMMIT"},
      // A timeout while the commit waits for a synchronous standby would make it look replicated.
      unlimited{"unlimited", "SET LOCAL statement_timeout = 0"},
      head{"head", schema.expand("SELECT h.position FROM @schema@.head h WHERE h.id = 1")},
      lock_head{"lock_head",
                schema.expand("SELECT h.position, h.incarnation, greatest(clock_timestamp(), h.recorded_at)"
                              " FROM @schema@.head h WHERE h.id = 1 FOR NO KEY UPDATE")},
      lock_streams{"lock_streams", schema.expand("SELECT s.name, s.category, s.version, s.state, s.truncate_before"
                                                 " FROM @schema@.streams s WHERE s.name = ANY ($1)"
                                                 " FOR NO KEY UPDATE SKIP LOCKED")},
      sweep{"sweep", schema.expand("SELECT * FROM @schema@.sweep($1, false)")},
      sweep_whole{"sweep_whole", schema.expand("SELECT * FROM @schema@.sweep($1, true)")},
      reserve_names{"reserve_names",
                    schema.expand("SELECT n.name, pg_try_advisory_xact_lock(hashtextextended("
                                  "'penstock.' || @schema_text@ || '.stream.' || n.name, 0)) FROM unnest($1) n(name)")},
      existing_names{"existing_names", schema.expand("SELECT s.name FROM @schema@.streams s WHERE s.name = ANY ($1)")},
      known_ids{"known_ids", schema.expand("SELECT e.id, e.stream, e.version, e.position, e.type, e.data"
                                           " FROM @schema@.events e WHERE e.id = ANY ($1)")},
      insert_events{"insert_events",
                    schema.expand("INSERT INTO @schema@.events (" + std::string(kEventColumns) +
                                  ") SELECT u.p, u.v, u.o, $4, u.i, u.s, u.c, u.t, u.ct, u.m::json, u.d"
                                  " FROM unnest($1, $2, $3, $5, $6, $7, $8, $9, $10, $11)"
                                  " u(p, v, o, i, s, c, t, ct, m, d)")},
      insert_tags{"insert_tags",
                  schema.expand("INSERT INTO @schema@.tags (tag, position) SELECT * FROM unnest($1, $2)")},
      update_streams{"update_streams", schema.expand("UPDATE @schema@.streams s SET version = n.version"
                                                     " FROM unnest($1, $2) n(name, version) WHERE s.name = n.name")},
      insert_streams{"insert_streams", schema.expand("INSERT INTO @schema@.streams (name, category, version)"
                                                     " SELECT * FROM unnest($1, $2, $3)")},
      update_head{"update_head", schema.expand("UPDATE @schema@.head h SET position = $1, recorded_at = $2,"
                                               " streams = h.streams + $3 WHERE h.id = 1")},
      append_one{"append_one",
                 schema.expand("SELECT * FROM @schema@.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")},
      append_single{"append_single",
                    schema.expand("SELECT * FROM @schema@.append_single($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")},
      find_backend{"find_backend",
                   "SELECT FROM pg_stat_activity a WHERE a.pid = $1::int AND a.backend_start = $2::timestamptz"},
      end_backend{"end_backend",
                  "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a"
                  " WHERE a.pid = $1::int AND a.backend_start = $2::timestamptz"},
      blocking_root{"blocking_root",
                    "WITH RECURSIVE chain(pid) AS (SELECT unnest(pg_blocking_pids($1::int))"
                    " UNION SELECT unnest(pg_blocking_pids(c.pid)) FROM chain c)"
                    " SELECT a.pid, a.backend_start::text, a.query_start::text, a.usename = current_user,"
                    " coalesce(a.wait_event, '') = 'ClientRead', a.application_name, coalesce(a.query, '')"
                    " FROM chain c JOIN pg_stat_activity a ON a.pid = c.pid"
                    " WHERE cardinality(pg_blocking_pids(a.pid)) = 0 ORDER BY a.pid LIMIT 1"},
      copy_events(
          schema.expand("COPY @schema@.events (" + std::string(kEventColumns) + ") FROM STDIN (FORMAT binary)")) {}

}  // namespace penstock::store::postgres
