// The sequencer's half of appending: one batch, one transaction.
#pragma once

#include <span>
#include <vector>

#include "store/append_queue.h"
#include "store/append_rules.h"
#include "store/sqlite/head_watch.h"

namespace penstock::store::sqlite {

// Called from the sequencer's thread only. The head row is read under the file's write lock, so
// positions stay gap-free whoever else appends.
class BatchWriter final : public BatchAppender {
 public:
  BatchWriter(Database& database, HeadWatch& watch) : database_(database), watch_(watch) {}

  std::vector<Result<AppendReceipt>> append_batch(std::span<const AppendRequest* const> requests) override;

 private:
  using Answers = std::vector<Result<AppendReceipt>>;

  Result<AppendPlan> write(std::span<const AppendRequest* const> requests);
  Answers append_one_by_one(std::span<const AppendRequest* const> requests);
  Status check_incarnation(std::int64_t incarnation);

  Database& database_;
  HeadWatch& watch_;
  std::int64_t incarnation_ = 0;  // as it was at the first batch; 0: none yet
};

}  // namespace penstock::store::sqlite
