// What a source that keeps its rows has delivered, and its table has lost or gives to other rows: on record before
// anything is read over it, and passed once it was looked at. Single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/on_lost_tail.h"
#include "core/error.h"
#include "core/log.h"
#include "core/source_gaps.h"

namespace penstock::outbox {

// What was delivered behind number `from` and up to `to` is not what the table has there, or may have.
struct NumberLoss {
  Error why;  // outbox.lost_tail, or outbox.checkpoint_foreign
  std::int64_t from, to;
};

class LostNumbers {
 public:
  // `gaps` and `log` outlive it.
  LostNumbers(std::string source_name, connectors::OnLostTail on_lost_tail, SourceGaps& gaps, Log& log)
      : source_name_(std::move(source_name)), on_lost_tail_(on_lost_tail), gaps_(gaps), log_(log) {}

  // Durable when it returns; what a record behind number `passed` of the gaps names already is left as it is. Errors:
  // those of the store; the same call may be made again.
  Status put_on_record(const NumberLoss& loss, std::int64_t passed);

  // Where the source may go on, when all records behind `passed` may be passed.
  struct Passage {
    std::int64_t behind;  // this number
    std::int64_t gap;     // the last of the records
  };
  // nullopt: there is none. Errors: the code of the record, and `why`, while one of them waits for an operator; those
  // of the store.
  Result<std::optional<Passage>> find_passage(std::int64_t passed, const std::string& why);

 private:
  Result<std::vector<SourceGaps::Recorded>> records_behind(std::int64_t passed);
  bool may_pass(const SourceGaps::Recorded& record) const;

  const std::string source_name_;
  const connectors::OnLostTail on_lost_tail_;
  SourceGaps& gaps_;
  Log& log_;
};

}  // namespace penstock::outbox
