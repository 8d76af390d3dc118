#include "store/postgres/transfer_statements.h"

#include "store/postgres/event_encoding.h"
#include "store/postgres/event_rows.h"
#include "store/postgres/postgres_retention.h"

namespace penstock::store::postgres {

TransferStatements::TransferStatements(const Schema& schema)
    : stubs{"stubs", schema.expand("SELECT e.position, e.id, e.stream, e.category, e.version, e.removed_at"
                                   " FROM @schema@.events e WHERE e.position > $1 AND e.position <= $2"
                                   " AND e.removed_at IS NOT NULL ORDER BY e.position")},
      retained{"retained_streams",
               // What of a stream stands in the inbox is not its last version yet.
               schema.expand("SELECT s.name, s.state, l.version, s.truncate_before, s.max_count, s.max_age, s.category,"
                             " g.gone FROM @schema@.head h CROSS JOIN @schema@.streams s CROSS JOIN LATERAL (SELECT"
                             " coalesce((SELECT i.version FROM @schema@.inbox i WHERE i.stream = s.name ORDER BY"
                             " i.version LIMIT 1) - 1, s.version) AS version) l CROSS JOIN LATERAL (SELECT h.floor > 0"
                             " AND l.version >= 0 AND NOT EXISTS (SELECT FROM @schema@.events e WHERE e.stream ="
                             " s.name) AS gone) g WHERE h.id = 1 AND s.name > $1 AND (s.state <> 'live' OR"
                             " s.truncate_before > 0 OR s.max_count IS NOT NULL OR s.max_age IS NOT NULL OR g.gone)"
                             " ORDER BY s.name LIMIT $2")},
      begin_behind{"begin_behind", schema.expand("SELECT @schema@.begin_behind($1, $2)")},
      keep_stream{"keep_stream",
                  schema.expand("WITH added AS (INSERT INTO @schema@.streams (name, category, version,"
                                " scavenged_before) VALUES ($1, $2, $3, $3 + 1) ON CONFLICT (name) DO NOTHING"
                                " RETURNING 1) UPDATE @schema@.head h SET streams = h.streams + 1 WHERE h.id = 1"
                                " AND EXISTS (SELECT FROM added)")},
      keep_retention{"keep_retention", schema.expand(std::string(kWriteRetentionSql))},
      sources{"source_checkpoints", schema.expand("SELECT c.source, c.position, c.system_identifier, c.timeline"
                                                  " FROM @schema@.source_checkpoints c ORDER BY c.source")},
      begin{"begin", "BEGIN"},
      commit{"commit", "COMMIT"},
      look{"look_at_head", schema.expand("SELECT h.position, h.importing FROM @schema@.head h WHERE h.id = 1")},
      // Holds back whoever takes a lease just now.
      close{"lock_head_for_import",
            schema.expand("SELECT h.position, h.importing FROM @schema@.head h WHERE h.id = 1 FOR UPDATE")},
      holder{"lease_holder", schema.expand("SELECT l.name || ' is driven by ' || l.owner FROM @schema@.leases l"
                                           " WHERE l.owner <> '' AND l.expires_at > clock_timestamp()"
                                           " ORDER BY l.name LIMIT 1")},
      waiting{"inbox_waits", schema.expand("SELECT EXISTS (SELECT FROM @schema@.inbox)")},
      mark{"mark_importing", schema.expand("SELECT @schema@.mark_importing($1)")},
      lock_head{"lock_head",
                schema.expand("SELECT h.position, greatest(h.recorded_at, '0001-01-01T00:00:00Z'),"
                              " h.importing, h.floor FROM @schema@.head h WHERE h.id = 1 FOR NO KEY UPDATE")},
      lock_streams{"load_streams", schema.expand("SELECT s.name, s.category, s.version, s.scavenged_before, s.state"
                                                 " FROM @schema@.streams s WHERE s.name = ANY ($1)"
                                                 " FOR NO KEY UPDATE")},
      insert_tags{"insert_tags",
                  schema.expand("INSERT INTO @schema@.tags (tag, position) SELECT * FROM unnest($1, $2)")},
      update_streams{"update_loaded_streams",
                     schema.expand("UPDATE @schema@.streams s SET version = n.version, scavenged_before = n.stubs"
                                   " FROM unnest($1, $2, $3) n(name, version, stubs) WHERE s.name = n.name")},
      insert_streams{"insert_loaded_streams",
                     schema.expand("INSERT INTO @schema@.streams (name, version, scavenged_before, category)"
                                   " SELECT * FROM unnest($1, $2, $3, $4)")},
      count_stubs{"count_stubs", schema.expand("SELECT @schema@.count_loaded_stubs($1)")},
      update_head{"update_head", schema.expand("UPDATE @schema@.head h SET position = $1, recorded_at = $2,"
                                               " streams = h.streams + $3 WHERE h.id = 1")},
      event_at{"event_id", schema.expand(kEventIdSql)},
      keep_checkpoint{"keep_checkpoint",
                      schema.expand("INSERT INTO @schema@.checkpoints AS c (route, position, event_id,"
                                    " system_identifier, timeline, incarnation, epoch, updated_at)"
                                    " SELECT $1, $2, $3, h.system_identifier, h.timeline, h.incarnation, 0,"
                                    " clock_timestamp() FROM @schema@.head h WHERE h.id = 1"
                                    " ON CONFLICT (route) DO UPDATE SET position = excluded.position,"
                                    " event_id = excluded.event_id, system_identifier = excluded.system_identifier,"
                                    " timeline = excluded.timeline, incarnation = excluded.incarnation,"
                                    " epoch = excluded.epoch, updated_at = excluded.updated_at"
                                    " WHERE c.position < excluded.position")},
      keep_source{"keep_source_checkpoint",
                  schema.expand("INSERT INTO @schema@.source_checkpoints (source, position, system_identifier,"
                                " timeline, epoch, updated_at) VALUES ($1, $2, $3, $4, 0, clock_timestamp())"
                                " ON CONFLICT (source) DO UPDATE SET position = excluded.position,"
                                " system_identifier = excluded.system_identifier, timeline = excluded.timeline,"
                                " epoch = excluded.epoch, updated_at = excluded.updated_at")},
      copy_rows(schema.expand("COPY @schema@.events (" + std::string(kEventColumns) +
                              ", removed_at) FROM STDIN (FORMAT binary)")) {}

}  // namespace penstock::store::postgres
