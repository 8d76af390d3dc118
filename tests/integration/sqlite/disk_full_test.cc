// A full disk refuses appends and nothing else, and takes them again when there is room.
#include <gtest/gtest.h>

#include "tests/integration/sqlite/raw_file.h"
#include "tests/support/seeded_random.h"
#include "tests/support/tiny_disk.h"

namespace penstock::tests {
namespace {

constexpr std::size_t kSmall = 2 << 20, kLarge = 32 << 20;
constexpr std::size_t kEventBytes = 100'000;

std::string append(store::Store& store, SeededRandom& random) {
  const std::string data(kEventBytes, 'x');
  Event event;
  event.id = make_event_id(SystemClock(), random);
  event.stream = "order-1";
  event.category = "order";
  event.type = "placed";
  event.data = data;
  store::AppendRequest request;
  request.events.push_back(make_event(event));
  const auto done = store.events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30)));
  return done ? "ok" : std::string(done.error().code().name);
}

TEST(SqliteOnAFullDisk, RefusesAppendsAndTakesThemAgainWhenThereIsRoom) {
  if (const auto why = TinyDisk::reason_missing(); !why.empty()) GTEST_SKIP() << why;
  TinyDisk disk(kSmall);
  SeededRandom random{1};
  const auto store = open_migrated(disk.file("penstock.db"));
  std::int64_t appended = 0;
  std::string code;
  while ((code = append(*store, random)) == "ok" && static_cast<std::size_t>(appended) * kEventBytes <= kSmall)
    ++appended;
  EXPECT_EQ(code, "store.disk_full") << "after " << appended;
  EXPECT_EQ(append(*store, random), "store.disk_full") << "and again";
  ASSERT_GT(appended, 0);
  const auto page = store->log().read_after(Position{0}, {}, {});
  ASSERT_TRUE(page) << "reading goes on: " << page.error().describe();
  EXPECT_EQ(store->log().head(), Position{appended});

  disk.grow(kLarge);
  EXPECT_EQ(append(*store, random), "ok");
  EXPECT_EQ(store->log().head(), Position{appended + 1}) << "no refused append has taken a position";
  EXPECT_EQ(store->events().read_stream("order-1", std::nullopt, store::Direction::kBackward, {1})->last_version,
            Version{appended});
}

}  // namespace
}  // namespace penstock::tests
