// The SQL of export and import.
#pragma once

#include "store/postgres/schema.h"
#include "store/postgres/session.h"

namespace penstock::store::postgres {

struct TransferStatements {
  explicit TransferStatements(const Schema& schema);

  const Statement stubs;  // $1 after, $2 until → position, id, stream, category, version, removed_at
  // $1 after, $2 limit → name, state, version, truncate_before, max_count, max_age, category, whether no row is left
  const Statement retained;
  const Statement begin_behind;    // $1 floor, $2 id → whether it begins there
  const Statement keep_stream;     // $1 name, $2 category, $3 last version
  const Statement keep_retention;  // see kWriteRetentionSql
  const Statement sources;         // → source, position, system_identifier, timeline
  const Statement begin, commit;
  const Statement look;             // → position, whether the store is being filled
  const Statement close;            // the same, and holds back whoever takes a lease just now
  const Statement holder;           // → who holds a lease
  const Statement waiting;          // → whether rows of the inbox have no position
  const Statement mark;             // $1 whether the store is being filled; waits for whoever has appended by SQL
  const Statement lock_head;        // → position, recorded_at, whether the store is being filled
  const Statement lock_streams;     // $1 names → name, category, version, scavenged_before, state
  const Statement insert_tags;      // $1 tags, $2 positions
  const Statement update_streams;   // $1 names, $2 versions, $3 scavenged_before
  const Statement insert_streams;   // $1 names, $2 versions, $3 scavenged_before, $4 categories
  const Statement count_stubs;      // $1 stubs
  const Statement update_head;      // $1 position, $2 time, $3 new streams
  const Statement event_at;         // $1 position → id
  const Statement keep_checkpoint;  // $1 route, $2 position, $3 event id
  const Statement keep_source;      // $1 source, $2 position, $3 system_identifier, $4 timeline
  const std::string copy_rows;
};

}  // namespace penstock::store::postgres
