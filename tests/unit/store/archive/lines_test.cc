// What is written as a line is read back as it was, in both styles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/json_text.h"
#include "store/archive/line_parser.h"
#include "store/archive/line_writer.h"
#include "tests/support/seeded_random.h"

namespace penstock::store::archive {
namespace {

using testing::HasSubstr;
using tests::SeededRandom;

constexpr Style kStyles[] = {Style::kJsonLines, Style::kCloudEvents};

LogRow sample() {
  LogRow row;
  row.event = {.id = *EventId::parse("0198d2f0-0000-7000-8000-000000000001"),
               .stream = "order-7",
               .category = "order",
               .type = "placed",
               .data = R"({"a": 1.10})",
               .content_type = "application/json",
               .metadata = R"({"tenant" : "x"})",
               .occurred_at = Timestamp(std::chrono::microseconds(1'770'091'446'000'007)),
               .version = Version{3},
               .position = Position{17},
               .recorded_at = Timestamp(std::chrono::microseconds(1'770'091'447'000'000))};
  return row;
}

std::string line_of(const LogRow& row, Style style) {
  std::string line;
  append_line(line, row, style);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  line.pop_back();
  return line;
}

void expect_same(const Event& read, const Event& written) {
  EXPECT_EQ(read.id, written.id);
  EXPECT_EQ(read.position, written.position);
  EXPECT_EQ(read.version, written.version);
  EXPECT_EQ(read.stream, written.stream);
  EXPECT_EQ(read.category, written.category);
  EXPECT_EQ(read.type, written.type);
  EXPECT_EQ(read.data, written.data);
  EXPECT_EQ(read.content_type, written.content_type);
  EXPECT_EQ(read.metadata, written.metadata);
  EXPECT_EQ(read.occurred_at, written.occurred_at);
  EXPECT_EQ(read.recorded_at, written.recorded_at);
}

void expect_back(const LogRow& row) {
  for (const Style style : kStyles) {
    const std::string line = line_of(row, style);
    EventBatchBuilder memory;
    const auto entry = parse_line(line, memory);
    ASSERT_TRUE(entry) << entry.error().column << ": " << entry.error().words << "\n" << line.substr(0, 1'000);
    ASSERT_TRUE(std::holds_alternative<LogRow>(*entry));
    expect_same(std::get<LogRow>(*entry).event, row.event);
    EXPECT_EQ(std::get<LogRow>(*entry).removed_at, row.removed_at);
    if (testing::Test::HasFailure()) FAIL() << line.substr(0, 1'000);
  }
}

// --- one event -------------------------------------------------------------------------------------

TEST(ArchiveLine, IsTheOneJsonFormOfAnEvent) {
  EXPECT_EQ(line_of(sample(), Style::kJsonLines),
            R"({"position":"17","id":"0198d2f0-0000-7000-8000-000000000001","stream":"order-7","category":"order",)"
            R"("version":3,"type":"placed","occurred_at":"2026-02-03T04:04:06.000007Z",)"
            R"("recorded_at":"2026-02-03T04:04:07.000000Z","content_type":"application/json",)"
            R"("metadata":{"tenant" : "x"},"data":{"a": 1.10}})");
  std::string printed;
  append_event_json(printed, sample().event);
  EXPECT_EQ(line_of(sample(), Style::kJsonLines), printed);
}

TEST(ArchiveLine, IsACloudEvent) {
  EXPECT_EQ(line_of(sample(), Style::kCloudEvents),
            R"({"specversion":"1.0","id":"0198d2f0-0000-7000-8000-000000000001","source":"/penstock/order",)"
            R"("type":"placed","subject":"7","time":"2026-02-03T04:04:06.000007Z",)"
            R"("datacontenttype":"application/json","recordedtime":"2026-02-03T04:04:07.000000Z",)"
            R"("sequence":"00000000000000000017","stream":"order-7","category":"order","streamversion":"3",)"
            R"("metadata":"{\"tenant\" : \"x\"}","data":{"a": 1.10}})");
}

TEST(ArchiveLine, KeepsBytesThatALineOfJsonWouldChange) {
  for (const std::string_view data :
       {"", " {}", "{} ", "{\n}", "{\r\n\"a\":1}", "null", "\xef\xbb\xbf{}", "1e999", "nul", "\"\xff\"", "\0",
        "{\"a\":\"\\ud800\"}", "[1,2]", "\"x\"", "-0.0", "{\"a\":1,\"a\":2}"}) {
    LogRow row = sample();
    row.event.data = data;
    expect_back(row);
    row.event.content_type = "application/octet-stream";
    expect_back(row);
  }
  LogRow none = sample();
  none.event.data = std::nullopt;
  expect_back(none);
}

TEST(ArchiveLine, KeepsMetadataAsItWasWritten) {
  for (const std::string_view metadata :
       {"{}", "{ }", " {}", "{\n \"a\" : [1,\n2] }", "{\"b\":1,\"a\":2,\"b\":3}", "{\"a\":\"\\u0000\"}", "{}\t"}) {
    LogRow row = sample();
    row.event.metadata = metadata;
    expect_back(row);
  }
}

TEST(ArchiveLine, KeepsNamesThatNeedEscapes) {
  LogRow row = sample();
  row.event.stream = "order-\"\\\x01\n\xc3\xa4\xf0\x9f\x98\x80";
  row.event.category = "o\tr";
  row.event.type = "\xe2\x80\xa8type\x7f";
  row.event.content_type = "text/plain; charset=\"utf-8\"";
  expect_back(row);
}

TEST(ArchiveLine, KeepsTimesBeyondTheCalendarOfRfc3339) {
  for (const std::int64_t microseconds :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{253'402'300'799'999'999}, std::int64_t{253'402'300'800'000'000},
        std::int64_t{-62'167'219'200'000'000}, std::int64_t{-62'167'219'200'000'001},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    LogRow row = sample();
    row.event.occurred_at = Timestamp(std::chrono::microseconds(microseconds));
    expect_back(row);
  }
}

TEST(ArchiveLine, KeepsStubs) {
  LogRow row;
  row.event = {.id = sample().event.id, .stream = "order-7", .category = "order"};
  row.event.version = Version{0};
  row.event.position = Position{1};
  row.event.content_type = row.event.metadata = {};
  row.removed_at = Timestamp(std::chrono::seconds(1'770'091'446));
  for (const Style style : kStyles) {
    EventBatchBuilder memory;
    const std::string line = line_of(row, style);
    const auto entry = parse_line(line, memory);
    ASSERT_TRUE(entry) << entry.error().words << " " << line;
    const LogRow& read = std::get<LogRow>(*entry);
    EXPECT_EQ(read.removed_at, row.removed_at);
    EXPECT_EQ(read.event.id, row.event.id);
    EXPECT_EQ(read.event.stream, row.event.stream);
    EXPECT_EQ(read.event.position, row.event.position);
    EXPECT_EQ(read.event.version, row.event.version);
  }
}

// --- any event -------------------------------------------------------------------------------------

class RandomRows {
 public:
  explicit RandomRows(SeededRandom& random) : random_(random) {}

  // Its views live until the next call.
  LogRow next() {
    LogRow row = sample();
    stream_ = "s" + text(random_.below(40));
    type_ = "t" + text(random_.below(20));
    data_ = random_.below(3) == 0 ? json() : bytes();
    metadata_ = "{" + blanks() + "\"m\"" + blanks() + ":" + blanks() + json() + "}" + blanks();
    row.event.stream = stream_;
    row.event.type = type_;
    row.event.data = random_.below(8) == 0 ? std::nullopt : std::optional<std::string_view>(data_);
    row.event.metadata = metadata_;
    row.event.content_type = random_.below(2) == 0 ? "application/json" : "application/octet-stream";
    row.event.position = Position{static_cast<std::int64_t>(random_.next() >> 1)};
    row.event.version = Version{static_cast<std::int64_t>(random_.next() >> 1)};
    row.event.occurred_at = Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(random_.next())));
    return row;
  }

 private:
  std::string blanks() {
    std::string text;
    while (random_.below(3) == 0) text += " \t\n\r"[random_.below(4)];
    return text;
  }
  std::string text(std::uint64_t length) {
    static constexpr const char* kLetters[] = {
        "a", "\"", "\\", "/", "\n", "\x1f", "\x7f", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", " ", "-"};
    std::string made;
    for (std::uint64_t i = 0; i < length; ++i) made += kLetters[random_.below(std::size(kLetters))];
    return made;
  }
  std::string json() {
    switch (random_.below(6)) {
      case 0: return blanks() + std::to_string(static_cast<std::int64_t>(random_.next())) + ".50e1" + blanks();
      case 1: return "null";
      case 2: return "[" + blanks() + json() + blanks() + "," + json() + "]";
      case 3: return "{\"k\":" + json() + blanks() + "}";
      default: break;
    }
    std::string quoted;
    append_json_string(quoted, text(random_.below(30)));
    return quoted;
  }
  std::string bytes() {
    std::string made(random_.below(200), '\0');
    for (char& byte : made) byte = static_cast<char>(random_.below(256));
    return made;
  }

  SeededRandom& random_;
  std::string stream_, type_, data_, metadata_;
};

TEST(ArchiveLine, ComesBackForAnyEvent) {
  const std::uint64_t seed = tests::seed_of_this_run();
  SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  RandomRows rows(random);
  for (int i = 0; i < 2'000 && !HasFailure(); ++i) expect_back(rows.next());
}

TEST(ArchiveLine, ComesBackForLargeEvents) {
  for (const std::string& data : {std::string(1 << 20, '\0'), "\"" + std::string((1 << 20) - 2, '"' - 1) + "\"",
                                  "[" + std::string(1 << 20, '\n') + "]"}) {
    LogRow row = sample();
    row.event.data = data;
    expect_back(row);
  }
}

// --- everything else -------------------------------------------------------------------------------

template <typename T>
T back(const T& entry, Style style) {
  std::string line;
  append_line(line, Entry(entry), style);
  line.pop_back();
  EventBatchBuilder memory;
  auto read = parse_line(line, memory);
  EXPECT_TRUE(read) << (read ? "" : read.error().words) << "\n" << line;
  EXPECT_TRUE(read && std::holds_alternative<T>(*read)) << line;
  return read && std::holds_alternative<T>(*read) ? std::get<T>(std::move(*read)) : T();
}

TEST(ArchiveLine, KeepsWhatIsReadOfAStream) {
  for (const Style style : kStyles) {
    const StreamEntry read =
        back(StreamEntry{"a\nb", StreamState::kDeleted, Version{7}, {5, std::chrono::microseconds(9)}}, style);
    EXPECT_EQ(read.name, "a\nb");
    EXPECT_EQ(read.state, StreamState::kDeleted);
    EXPECT_EQ(read.truncate_before, Version{7});
    EXPECT_EQ(read.limits, (StreamLimits{5, std::chrono::microseconds(9)}));
    EXPECT_EQ(back(StreamEntry{"a", StreamState::kTombstoned, Version{0}, {}}, style).limits, StreamLimits{});
  }
}

TEST(ArchiveLine, KeepsCheckpoints) {
  for (const Style style : kStyles) {
    const CheckpointEntry read = back(CheckpointEntry{"orders-to-kafka", Position{9}, sample().event.id}, style);
    EXPECT_EQ(read.route, "orders-to-kafka");
    EXPECT_EQ(read.position, Position{9});
    EXPECT_EQ(read.event_id, sample().event.id);
    const SourceCheckpoint checkpoint{std::string("x\0y", 3), "71", 3};
    EXPECT_EQ(back(SourceCheckpointEntry{"orders", checkpoint}, style).checkpoint, checkpoint);
  }
}

TEST(ArchiveLine, KeepsParkedRows) {
  ParkedEvent parked;
  parked.as = ParkedAs::kSkipped;
  parked.route = "orders-in";
  parked.source = "orders";
  parked.source_key = "\xff";
  parked.event_id = sample().event.id;
  parked.key = "";
  parked.position = Position{5};
  parked.code = "outbox.row_malformed";
  parked.reason = "a \"reason\"";
  parked.kept = ParkedEvent::Kept::kByReference;
  for (const Style style : kStyles) {
    for (const char* content : {"{\"id\": 1}", "{\n}", "no JSON"}) {
      parked.content = content;
      const ParkedEvent read = back(parked, style);
      EXPECT_EQ(read.as, parked.as);
      EXPECT_EQ(read.source_key, parked.source_key);
      EXPECT_EQ(read.event_id, parked.event_id);
      EXPECT_EQ(read.key, parked.key);
      EXPECT_EQ(read.position, parked.position);
      EXPECT_EQ(read.reason, parked.reason);
      EXPECT_EQ(read.content, parked.content);
      EXPECT_EQ(read.kept, parked.kept);
    }
    EXPECT_EQ(back(ParkedEvent{.content = "{}"}, style).key, std::nullopt);
  }
}

TEST(ArchiveLine, KeepsGapRecords) {
  GapRecord gap;
  gap.route = "r";
  gap.reason = "store.fenced";
  gap.from = Position{3};
  gap.to = Position{4};
  gap.events = {sample().event.id, EventId()};
  gap.acknowledged_by = "ops";
  for (const Style style : kStyles) {
    const GapRecord read = back(gap, style);
    EXPECT_EQ(read.events, gap.events);
    EXPECT_EQ(read.from, gap.from);
    EXPECT_EQ(read.acknowledged_by, gap.acknowledged_by);
    gap.events.clear();
    EXPECT_TRUE(back(gap, style).events.empty());
  }
}

// --- what is no line of an archive -----------------------------------------------------------------

std::string fault_of(std::string_view line) {
  EventBatchBuilder memory;
  const auto entry = parse_line(line, memory);
  return entry ? "read" : std::to_string(entry.error().column) + ": " + entry.error().words;
}

TEST(ArchiveLine, SaysWhereItIsWrong) {
  EXPECT_EQ(fault_of("id,stream"), "1: this is no JSON object");
  EXPECT_EQ(fault_of(R"({"a":1,"b":2})"), "1: this is no line of an archive");
  EXPECT_EQ(fault_of(R"({"a":{}})"), "1: this is no line of an archive");
  EXPECT_EQ(fault_of(R"({"checkpoint":{"route":"r","position":"x","event_id":""}})"),
            "39: the member \"position\" is no whole number");
  EXPECT_EQ(fault_of(R"({"penstock_export":{"format":2}})"),
            "30: the member \"format\" is 2, this program reads format 1");
  const std::string line = line_of(sample(), Style::kJsonLines);
  const auto with = [&](std::string_view word, std::string_view by) {
    std::string changed = line;
    return changed.replace(changed.find(word), word.size(), by);
  };
  EXPECT_EQ(fault_of(with(R"("type":"placed",)", "")), "281: the member \"type\" is missing");
  EXPECT_EQ(fault_of(with("0198d2f0", "0198d2fx")), "23: the member \"id\" is no UUID");
  EXPECT_EQ(fault_of(with("2026-02-03T04:04:06", "2026-02-30T04:04:06")), "142: the member \"occurred_at\" is no time");
  EXPECT_EQ(fault_of(with(R"("data":{"a": 1.10})", R"("data_base64":"x")")),
            "292: the member \"data_base64\" is no base64");
  EXPECT_EQ(fault_of(with("placed", "pla\xff")), "123: this is not UTF-8");
}

}  // namespace
}  // namespace penstock::store::archive
