#include "tests/contract/source/source_contract.h"

#include <map>
#include <ostream>

#include "tests/support/servers.h"

namespace penstock::tests {

using connectors::MalformedRow;
using connectors::OpenRequest;
using connectors::ReadBatch;
using connectors::ReadItem;
using connectors::ReadRoom;
using connectors::Source;
using namespace std::chrono_literals;

OpenRequest SourceTable::request() { return {{"route/r", "me", Epoch{++epoch_}}, {}}; }

void PrintTo(const SourceTableKind& kind, std::ostream* out) { *out << kind.name; }

void SourceContract::SetUp() {
  if (const std::string reason = GetParam().reason_missing(); !reason.empty()) {
    if (servers_are_mandatory()) FAIL() << reason;
    GTEST_SKIP() << reason;
  }
  table_ = GetParam().make();
}

void SourceContract::write(int first, int last, std::string_view key) {
  for (int number = first; number <= last; ++number) table_->write(key, number);
}

Status SourceContract::open(Source& source) { return source.open(table_->request(), Deadline::in(10s), {}); }

std::unique_ptr<Source> SourceContract::open() {
  auto source = table_->make_source();
  const auto opened = open(*source);
  EXPECT_TRUE(opened) << opened.error().describe();
  return source;
}

ReadBatch SourceContract::read(Source& source, const ReadRoom& room) {
  auto batch = source.read(room, Deadline::in(0s), {});
  EXPECT_TRUE(batch) << batch.error().describe();
  return batch ? std::move(*batch) : ReadBatch{};
}

std::vector<ReadItem> SourceContract::read_all(Source& source) {
  std::vector<ReadItem> items;
  for (;;) {
    ReadBatch batch = read(source, kMuchRoom);
    if (batch.items.empty()) return items;
    for (ReadItem& item : batch.items) items.push_back(std::move(item));
  }
}

std::string data_of(const std::vector<ReadItem>& items) {
  std::string text;
  for (const ReadItem& item : items)
    text.append(text.empty() ? "" : " ").append(item.malformed ? "!" : std::string(item.event->data.value_or("-")));
  return text;
}

namespace {

TEST_P(SourceContract, ReadsInTheOrderOfCommits) {
  write(1, 5);
  EXPECT_EQ(data_of(read_all(*open())), "1 2 3 4 5");
}

TEST_P(SourceContract, GivesMarksFromOneWithoutAGap) {
  write(1, 5);
  const auto source = open();
  std::uint64_t expected = 0;
  for (const ReadItem& item : read_all(*source)) EXPECT_EQ(item.mark.value, ++expected);
  EXPECT_EQ(expected, 5U);
}

TEST_P(SourceContract, SaysWhatTheEventIs) {
  table().write("a-b", 7);
  const auto items = read_all(*open());
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].event->stream, "order-a-b");
  EXPECT_EQ(items[0].event->category, "order");
  EXPECT_EQ(items[0].event->key, "a-b");
  EXPECT_FALSE(items[0].event->type.empty());
}

TEST_P(SourceContract, AnswersAnEmptyBatchWhenThereIsNothing) {
  const auto source = open();
  EXPECT_TRUE(read(*source, kMuchRoom).items.empty());
  write(1, 1);
  EXPECT_EQ(data_of(read_all(*source)), "1");
}

TEST_P(SourceContract, ReadsNoMoreEventsThanThereIsRoomFor) {
  write(1, 5);
  const auto source = open();
  EXPECT_EQ(data_of(read(*source, {2, 16 << 20, ReadRoom::Window::kEmpty}).items), "1 2");
  EXPECT_EQ(data_of(read(*source, {2, 16 << 20, ReadRoom::Window::kInUse}).items), "3 4");
}

TEST_P(SourceContract, ReadsOneEventThatIsTooLargeForTheRoomOnlyWhileNothingIsInFlight) {
  write(1, 2);
  const auto source = open();
  EXPECT_TRUE(read(*source, {10, 1, ReadRoom::Window::kInUse}).items.empty());
  EXPECT_EQ(data_of(read(*source, {10, 1, ReadRoom::Window::kEmpty}).items), "1");
  EXPECT_TRUE(read(*source, {10, 1, ReadRoom::Window::kInUse}).items.empty());
}

TEST_P(SourceContract, ReadsOnWhileEarlierEventsAreInFlight) {
  write(1, 2);
  const auto source = open();
  EXPECT_EQ(data_of(read_all(*source)), "1 2");
  write(3, 4);
  EXPECT_EQ(data_of(read_all(*source)), "3 4");
  EXPECT_EQ(source->figures().rereads, 0U);
}

TEST_P(SourceContract, SettlesNothingByReading) {
  write(1, 3);
  const auto source = open();
  read_all(*source);
  EXPECT_EQ(table().unsettled(), 3U);
}

TEST_P(SourceContract, SettlesExactlyUpToTheMark) {
  write(1, 5);
  const auto source = open();
  read_all(*source);
  ASSERT_TRUE(source->settle(ReadMark{3}));
  EXPECT_EQ(table().unsettled(), 2U);
  ASSERT_TRUE(source->settle(ReadMark{5}));
  EXPECT_EQ(table().unsettled(), 0U);
}

TEST_P(SourceContract, ReadsAgainWhatWasNotSettledWhenTheOpeningEnded) {
  write(1, 5);
  auto source = open();
  read_all(*source);
  ASSERT_TRUE(source->settle(ReadMark{2}));
  source->close();
  ASSERT_TRUE(open(*source));
  const auto items = read_all(*source);
  EXPECT_EQ(data_of(items), "3 4 5");
  EXPECT_EQ(items.front().mark, ReadMark{1});
}

TEST_P(SourceContract, ReadsTheSameEventTwiceWithTheSameIdAndBytes) {
  write(1, 1);
  auto source = open();
  const auto first = read_all(*source);
  source->close();
  ASSERT_TRUE(open(*source));
  const auto second = read_all(*source);
  ASSERT_EQ(first.size() + second.size(), 2U);
  EXPECT_EQ(first[0].event->id, second[0].event->id);
  EXPECT_EQ(first[0].event->data, second[0].event->data);
  EXPECT_EQ(first[0].event->metadata, second[0].event->metadata);
}

TEST_P(SourceContract, SettlesForOneOwnerOnly) {
  write(1, 1);
  const auto first = open();
  read_all(*first);
  const auto second = table().make_source();
  const auto opened = open(*second);
  if (opened) {
    EXPECT_FALSE(first->settle(ReadMark{1})) << "two own the table";
    EXPECT_EQ(table().unsettled(), 1U);
  } else {
    EXPECT_EQ(opened.error().kind(), ErrorKind::kConflict) << opened.error().describe();
  }
}

TEST_P(SourceContract, LetsAnotherOneInOnceItIsClosed) {
  write(1, 1);
  open()->close();
  EXPECT_EQ(data_of(read_all(*open())), "1");
}

TEST_P(SourceContract, YieldsAMalformedRowInItsPlace) {
  write(1, 1);
  if (!table().write_malformed()) GTEST_SKIP() << "this source has no malformed rows";
  write(2, 2);
  const auto source = open();
  const auto items = read_all(*source);
  ASSERT_EQ(data_of(items), "1 ! 2");
  EXPECT_FALSE(items[1].malformed->source_key.empty());
  EXPECT_FALSE(items[1].malformed->reason.empty());
  EXPECT_NE(find_error_code(items[1].malformed->code), nullptr);
  ASSERT_TRUE(source->settle(ReadMark{3}));
  EXPECT_EQ(table().unsettled(), 0U);
}

TEST_P(SourceContract, KeepsEventsAliveAfterItIsGone) {
  write(1, 3);
  std::vector<ReadItem> items;
  {
    const auto source = open();
    items = read_all(*source);
  }
  EXPECT_EQ(data_of(items), "1 2 3");
}

TEST_P(SourceContract, ComesBackWhenItIsStopped) {
  const auto source = open();
  std::stop_source stop;
  stop.request_stop();
  const auto before = std::chrono::steady_clock::now();
  const auto batch = source->read(kMuchRoom, Deadline::in(30s), stop.get_token());
  ASSERT_TRUE(batch) << batch.error().describe();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

TEST_P(SourceContract, CanBeKeptAlive) {
  const auto source = open();
  EXPECT_TRUE(source->keep_alive());
}

TEST_P(SourceContract, CanBeClosedThoughItWasNeverOpened) {
  const auto source = table().make_source();
  source->close();
  source->close();
  EXPECT_TRUE(open(*source));
}

TEST_P(SourceContract, CountsItsReads) {
  write(1, 1);
  const auto source = open();
  read_all(*source);
  EXPECT_GE(source->figures().reads, 1U);
}

TEST_P(SourceContract, KeepsTheOrderOfEveryKeyOverManyReads) {
  for (int number = 1; number <= 60; ++number) table().write(number % 3 == 0 ? "a" : "b", number);
  const auto source = open();
  std::map<std::string, int, std::less<>> last;
  std::size_t count = 0;
  for (;;) {
    const ReadBatch batch = read(*source, {7, 16 << 20, ReadRoom::Window::kInUse});
    if (batch.items.empty()) break;
    for (const ReadItem& item : batch.items) {
      int& previous = last[std::string(*item.event->key)];
      const int number = std::stoi(std::string(*item.event->data));
      EXPECT_LT(previous, number);
      previous = number;
    }
    count += batch.items.size();
    ASSERT_TRUE(source->settle(ReadMark{count}));
  }
  EXPECT_EQ(count, 60U);
  EXPECT_EQ(table().unsettled(), 0U);
}

}  // namespace
}  // namespace penstock::tests
