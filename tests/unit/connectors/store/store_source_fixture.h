// A store in memory, with a source that a test opens and reads.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/store/store_source.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_log.h"

namespace penstock::connectors {

inline constexpr std::chrono::seconds kLong{30};
inline constexpr ReadRoom kRoom{.events = 100, .bytes = 1 << 20, .window = ReadRoom::Window::kEmpty};

inline EventId id_of(std::uint8_t number) {
  std::array<std::uint8_t, 16> bytes{};
  bytes.back() = number;
  return EventId(bytes);
}

class StoreSourceTest : public ::testing::Test {
 protected:
  void append(std::string_view categories) {
    for (const char category : categories) append_one(std::string(1, category), "1");
  }
  void append_one(const std::string& category, std::string_view data) {
    store::AppendRequest request;
    request.events.push_back(make_event(
        {.id = id_of(++last_id_), .stream = category + "-1", .category = category, .type = "placed", .data = data}));
    ASSERT_TRUE(store_.events().append_and_wait(std::move(request), Deadline::in(kLong)));
  }

  std::unique_ptr<Source> source(StoreSourceSettings settings = {}) {
    if (settings.route.empty()) settings.route = "r";
    return make_store_source(std::move(settings), store_.log(), store_.checkpoints(), store_.gaps(), words_);
  }
  OpenRequest request() {
    if (!lease_) lease_ = store_.leases().take("route/r", "me").value();
    return {.lease = *lease_, .kept_by_reference = {}};
  }
  Status open(Source& source) { return source.open(request(), Deadline::in(kLong), {}); }
  static std::vector<ReadItem> read(Source& source, const ReadRoom& room = kRoom) {
    auto batch = source.read(room, Deadline::in(std::chrono::seconds(0)), {});
    EXPECT_TRUE(batch) << batch.error().describe();
    return batch ? std::move(batch->items) : std::vector<ReadItem>();
  }
  std::int64_t checkpoint(std::string_view route = "r") { return (*store_.checkpoints().load(route))->position.value; }

  tests::ManualClock clock_;
  tests::RecordingLog words_;
  std::shared_ptr<tests::MemoryDatabase> database_ = std::make_shared<tests::MemoryDatabase>(clock_);
  tests::MemoryStore store_{database_};
  std::optional<Lease> lease_;
  std::uint8_t last_id_ = 0;
};

}  // namespace penstock::connectors
