// The keys of rows that were delivered, and that an opening which has ended could not settle: the next one settles them
// before it reads. Copies, in memory. Single-threaded.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "connectors/outbox/rows_in_flight.h"

namespace penstock::outbox {

class UnsettledRows {
 public:
  // In the place of those from before; `rows` is none of them.
  void remember(std::span<const RowKey> rows);
  void forget();
  // The first of them.
  void forget(std::size_t count);

  bool empty() const { return rows_.empty(); }
  std::span<const RowKey> rows() const { return rows_; }

 private:
  std::vector<RowKey> rows_;
  std::deque<std::string> ids_;  // that rows_ looks into
};

}  // namespace penstock::outbox
