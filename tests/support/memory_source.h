// A table of events in memory and the source that reads it, with the faults of a real one: opening,
// reading or settling fails, settling fails after it took effect.
//
// The table outlives the sources, as a database outlives a crashed relay: what is settled is gone.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/source.h"

namespace penstock::tests {

// What a call is made to do instead of working.
struct SourceFault {
  Error error;
  enum class Effect { kNone, kTookEffect } effect = Effect::kNone;  // for settle: the lost answer
};

enum class SourceCall { kOpen, kRead, kSettle };

// Thread-safe.
class MemoryTable {
 public:
  void add(EventRef event);
  void add(const connectors::MalformedRow& row);
  // A place that the source looked past: yields an item with neither event nor row.
  void add_passed();

  // Asked before every call of a source; nullopt = it works.
  void fail_by(std::function<std::optional<SourceFault>(SourceCall)> decide);

  std::size_t rows() const;     // settled ones included
  std::size_t settled() const;  // rows that are settled for good; always the first ones
  bool wait_for_settled(std::size_t count, Deadline deadline) const;
  std::size_t settle_calls() const;
  std::size_t open_sources() const;
  std::size_t openings() const;  // successful ones

 private:
  friend class MemorySource;
  struct Row {
    EventRef event;
    std::optional<connectors::MalformedRow> malformed;
  };
  std::optional<SourceFault> ask(SourceCall call);
  void add_row(Row row);

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable_any changed_;
  std::vector<Row> rows_;
  std::size_t settled_ = 0, settle_calls_ = 0, open_sources_ = 0, openings_ = 0;
  Epoch newest_{};
  std::function<std::optional<SourceFault>(SourceCall)> decide_;
};

struct MemorySourceSettings {
  std::size_t batch = 100;
  // kReturns: an empty read answers at once, with idle_for. kWaits: it waits inside read().
  enum class WhenEmpty { kReturns, kWaits } when_empty = WhenEmpty::kReturns;
};

// Settles only under the newest lease that has opened the table: an older one is fenced.
class MemorySource final : public connectors::Source {
 public:
  explicit MemorySource(MemoryTable& table, MemorySourceSettings settings = {});
  ~MemorySource() override;

  Status open(const connectors::OpenRequest& request, Deadline deadline, std::stop_token stop) override;
  Result<connectors::ReadBatch> read(const connectors::ReadRoom& room, Deadline deadline,
                                     std::stop_token stop) override;
  Status settle(ReadMark mark) override;
  void close() override;
  connectors::SourceFigures figures() const override;

 private:
  connectors::ReadBatch take_rows(const connectors::ReadRoom& room);

  MemoryTable& table_;
  const MemorySourceSettings settings_;
  enum class Phase { kClosed, kOpen } phase_ = Phase::kClosed;
  Epoch epoch_{};
  std::size_t first_row_ = 0;  // of this opening; its mark is 1
  std::size_t next_row_ = 0;
  std::uint64_t reads_ = 0;
};

// An event with this key and number: stream "order-<key>", type "counted", data = the number.
EventRef counted_event(std::string_view key, std::uint64_t number, std::optional<Position> position = std::nullopt);

}  // namespace penstock::tests
