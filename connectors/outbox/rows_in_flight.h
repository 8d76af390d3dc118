// The rows that were read and are not settled yet: which mark stands for which row. Pure bookkeeping,
// single-threaded.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "connectors/outbox/row_shape.h"
#include "core/ids.h"

namespace penstock::outbox {

// How a row is found again when it is settled: by its number *and* its id, because a number alone may
// have come to name another row (SQLite reuses them). NULL and unparseable ids too, as they are.
struct RowKey {
  std::int64_t number;
  Cell id;  // the view lives as long as the batch it was read with
  std::int64_t xid = 0;
};

class RowsInFlight {
 public:
  // What becomes of a settled row.
  enum class Then { kSettle, kKeep };

  // Rows in the order they were read, batch by batch; `memory` keeps the ids of a batch's rows alive
  // until the last of them is forgotten.
  ReadMark add(const RowKey& key, Then then);
  void finish_batch(std::shared_ptr<const void> memory);

  // The rows up to `mark` that the table is told of; valid until the next call that changes anything.
  std::span<const RowKey> to_settle(ReadMark mark);
  // The last row up to `mark`; null when it was forgotten before.
  const RowKey* last_up_to(ReadMark mark) const;
  // The numbers of those that stay in the table, appended.
  void to_keep(ReadMark mark, std::vector<std::int64_t>& numbers) const;
  void forget(ReadMark mark);

  // All numbers in flight, ascending; valid until the next call that changes anything.
  std::span<const std::int64_t> numbers();

  std::size_t size() const { return rows_.size(); }
  ReadMark last_mark() const { return ReadMark{first_mark_ + rows_.size() - 1}; }

 private:
  struct Entry {
    RowKey key;
    Then then;
  };
  struct Batch {
    std::uint64_t last_mark;
    std::shared_ptr<const void> memory;
  };
  std::size_t count_up_to(ReadMark mark) const;

  std::deque<Entry> rows_;
  std::deque<Batch> batches_;
  std::uint64_t first_mark_ = 1;  // of rows_.front()
  std::vector<RowKey> to_settle_;
  std::vector<std::int64_t> numbers_;
  bool numbers_are_current_ = false;
};

}  // namespace penstock::outbox
