// Drives a wal source as a route does, for tests that care about what comes out of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "connectors/outbox/outbox_source.h"
#include "tests/support/wal_outbox.h"

namespace penstock::tests {

class WalReader {
 public:
  explicit WalReader(WalOutbox& outbox) : outbox_(outbox), source_(outbox.make_source()) {}

  Status open() { return source_->open(outbox_.request(), Deadline::in(std::chrono::seconds(20)), {}); }
  // Reads until so many items have come since the last call, at most `batch` in one read.
  std::vector<connectors::ReadItem> read(std::size_t count, std::size_t batch = 1'000) {
    std::vector<connectors::ReadItem> items;
    const Deadline deadline = Deadline::in(std::chrono::seconds(30));
    while (items.size() < count && !deadline.expired()) {
      auto got = source_->read({std::min(batch, count - items.size()), 64 << 20, connectors::ReadRoom::Window::kEmpty},
                               deadline, {});
      if (!got) {
        ADD_FAILURE() << got.error().describe();
        break;
      }
      for (auto& item : got->items) items.push_back(std::move(item));
    }
    EXPECT_EQ(items.size(), count);
    return items;
  }
  connectors::Source& source() { return *source_; }

 private:
  WalOutbox& outbox_;
  std::unique_ptr<connectors::Source> source_;
};

// What `penstock doctor` finds, as lines: the message, then what mends it.
inline std::string findings_of(WalOutbox& outbox) {
  std::string text;
  for (const auto& finding : wal::inspect_wal(outbox.settings(), Deadline::in(std::chrono::seconds(20))))
    text += finding.message + "; " + finding.fix + "\n";
  return text;
}

// The rows of its table as one poll brings them, settled.
inline std::vector<connectors::ReadItem> poll_once(WalOutbox& outbox) {
  const SystemClock clock;
  SeededRandom random(1);
  const auto source = outbox::make_outbox_source(outbox.settings().rows, outbox.checkpoints(), outbox.gaps(),
                                                 {clock, random, outbox.log(), "test"});
  const auto opened = source->open({}, Deadline::in(std::chrono::seconds(10)), {});
  EXPECT_TRUE(opened) << opened.error().describe();
  if (!opened) return {};
  auto batch = source->read({100, 16 << 20, connectors::ReadRoom::Window::kEmpty}, Deadline::in({}), {});
  EXPECT_TRUE(batch && !batch->items.empty() && source->settle(batch->items.back().mark));
  return batch ? std::move(batch->items) : std::vector<connectors::ReadItem>();
}

inline std::string data_of(const std::vector<connectors::ReadItem>& items) {
  std::string text;
  for (const auto& item : items)
    text.append(text.empty() ? "" : " ").append(item.malformed ? "!" : std::string(item.event->data.value_or("-")));
  return text;
}

}  // namespace penstock::tests
