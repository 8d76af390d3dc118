// The SQL of the append transaction.
#pragma once

#include "store/postgres/schema.h"
#include "store/postgres/session.h"

namespace penstock::store::postgres {

struct AppendStatements {
  explicit AppendStatements(const Schema& schema);

  const Statement begin, commit, unlimited;
  const Statement head;            // → position
  const Statement lock_head;       // → position, incarnation, time of the batch
  const Statement lock_streams;    // $1 names → name, category, version of those nobody else holds
  const Statement sweep;           // $1 rows → rows moved, head, time, whether some remain; none: empty inbox
  const Statement sweep_whole;     // $1 rows → the same, whatever the size of the first transaction
  const Statement reserve_names;   // $1 names → name, whether nobody else creates it
  const Statement existing_names;  // $1 names → name
  const Statement known_ids;       // $1 ids → id, stream, version, position, type, data
  const Statement insert_events;   // the arrays of add_event_arrays
  const Statement insert_tags;     // $1 tags, $2 positions
  const Statement update_streams;  // $1 names, $2 versions
  const Statement insert_streams;  // $1 names, $2 categories, $3 versions
  const Statement update_head;     // $1 position, $2 time, $3 new streams
  const Statement append_one;      // see migrations/0011_fewer_statements.sql
  const Statement append_single;   // see migrations/0020_append_single.sql
  const Statement find_backend;    // $1 pid, $2 start → a row while it lives
  const Statement end_backend;     // $1 pid, $2 start
  const Statement blocking_root;   // $1 pid → who, at the end of the chain, blocks it
  const std::string copy_events;
};

}  // namespace penstock::store::postgres
