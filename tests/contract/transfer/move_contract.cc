// A store that was moved through an archive is the same store: position by position, byte by byte.
#include <gmock/gmock.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "core/digest.h"
#include "core/random.h"
#include "store/archive/row_walk.h"
#include "tests/contract/transfer/transfer_contract.h"
#include "tests/support/seeded_random.h"

namespace penstock::tests {
namespace {

using store::archive::ArchiveReader;
using store::archive::ExportSettings;
using store::archive::ImportSettings;
using store::archive::ImportSummary;
using store::archive::Style;
using testing::HasSubstr;
using testing::StartsWith;

// Events whose bytes a careless way would change.
class RandomAppends {
 public:
  RandomAppends(store::Store& store, SeededRandom& random) : store_(store), random_(random) {}

  void append(int requests) {
    for (int i = 0; i < requests; ++i) {
      store::AppendRequest request;
      const std::string stream = kStreams[random_.below(std::size(kStreams))];
      for (std::uint64_t events = 1 + random_.below(20); events > 0; --events) request.events.push_back(event(stream));
      const auto done = store_.events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30)));
      ASSERT_TRUE(done) << done.error().describe();
    }
  }
  void append_one(std::string_view data, std::string_view content_type) {
    Event fields = blank("order-large");
    fields.data = data;
    fields.content_type = content_type;
    store::AppendRequest request;
    request.events.push_back(make_event(fields));
    const auto done = store_.events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30)));
    ASSERT_TRUE(done) << done.error().describe();
  }

 private:
  static constexpr const char* kStreams[] = {"order-1", "order-2",      "invoice-\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
                                             "plain",   "a-\"\\\n\x01", "-leads"};
  static constexpr const char* kMetadata[] = {"{}", "{ \"b\" : 1,\n\t\"a\":[ ] }", R"({"tags":["x","y"],"tenant":"é"})",
                                              R"({"tags":["x"],"a":1,"a":2})", "{}  "};

  Event blank(std::string_view stream) {
    Event fields{.id = make_event_id(clock_, random_), .stream = stream, .category = default_category(stream)};
    fields.type = "placed";
    return fields;
  }
  EventRef event(std::string_view stream) {
    Event fields = blank(stream);
    fields.type = random_.below(2) == 0 ? "placed" : "sh\xc3\xaf\tpped";
    fields.metadata = kMetadata[random_.below(std::size(kMetadata))];
    std::string data(random_.below(300), '\0');
    for (char& byte : data) byte = static_cast<char>(random_.below(256));
    if (random_.below(2) == 0) data = "{\"n\": " + std::to_string(random_.next()) + ".10,\"s\":\"\\u00e9\"}";
    if (random_.below(8) == 0) data = "{\n  \"pretty\": true\r\n}\n";
    if (random_.below(16) == 0) data = "null";
    if (random_.below(8) != 0) fields.data = data;
    fields.content_type = random_.below(2) == 0 ? "application/json" : "application/octet-stream";
    if (random_.below(2) == 0)
      fields.occurred_at = Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(random_.next() >> 14)));
    return make_event(fields);
  }

  const SystemClock clock_;
  store::Store& store_;
  SeededRandom& random_;
};

// The log of a store that somebody scavenges between two looks.
class ScavengedLog final : public store::EventLog {
 public:
  explicit ScavengedLog(store::Store& store) : store_(store) {}

  Result<store::LogPage> read_after(Position after, store::ReadLimit limit, const store::LogFilter& filter) override {
    auto page = store_.log().read_after(after, limit, filter);
    EXPECT_TRUE(store_.retention().scavenge(1'000));
    return page;
  }
  Result<store::LogPage> read_before(Position before, store::ReadLimit limit, const store::LogFilter& filter) override {
    return store_.log().read_before(before, limit, filter);
  }
  Result<std::optional<Position>> first_since(Timestamp time) override { return store_.log().first_since(time); }
  Result<std::optional<Position>> last_before(Timestamp time) override { return store_.log().last_before(time); }
  Result<std::optional<EventId>> event_id_at(Position position) override { return store_.log().event_id_at(position); }
  std::uint64_t generation() override { return store_.log().generation(); }
  Result<Position> head() override { return store_.log().head(); }
  Result<Position> floor() override { return store_.log().floor(); }
  Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop) override {
    return store_.log().wait_beyond(position, deadline, std::move(stop));
  }

 private:
  store::Store& store_;
};

void expect_same_counts(End& a, End& b) {
  const auto in_a = a.store->events().counts(), in_b = b.store->events().counts();
  ASSERT_TRUE(in_a && in_b);
  EXPECT_EQ(in_a->events, in_b->events);
  EXPECT_EQ(in_a->streams, in_b->streams);
  EXPECT_EQ(a.store->events().kinds().value(), b.store->events().kinds().value());
}

TEST_P(MoveContract, KeepsEveryByteOfTheLog) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  RandomAppends appends(*from().store, random);
  ASSERT_NO_FATAL_FAILURE(appends.append(60));
  ASSERT_NO_FATAL_FAILURE(appends.append_one(std::string(1 << 20, '\0'), "application/octet-stream"));
  ASSERT_NO_FATAL_FAILURE(appends.append_one("\"" + std::string((1 << 20) - 2, '\\') + "\"", "application/json"));
  ASSERT_NO_FATAL_FAILURE(appends.append(60));
  for (const Style style : {Style::kJsonLines, Style::kCloudEvents}) {
    End target(GetParam().to);
    ExportSettings settings{.path = path(style == Style::kJsonLines ? "a.jsonl" : "a.ce"), .style = style};
    const auto exported = export_from(from(), settings);
    const ImportSummary imported = import_to(target, {.path = settings.path});
    EXPECT_EQ(imported.written, exported.rows);
    EXPECT_EQ(imported.head, exported.head);
    EXPECT_EQ(rows_of(target), rows_of(from()));
    expect_same_counts(from(), target);
    const auto checks = target.store->check_integrity();
    ASSERT_TRUE(checks) << checks.error().describe();
    for (const auto& check : *checks)
      EXPECT_EQ(check.verdict, store::IntegrityCheck::Verdict::kProved) << check.subject << ": " << check.words;
  }
}

TEST_P(MoveContract, GoesOnAsTheStoreWouldHave) {
  append(from(), "order-1");
  append(from(), "order-1");
  export_from(from());
  import_to(to());
  append(to(), "order-1");
  const auto page = to().store->events().read_stream("order-1", Version{2}, store::Direction::kForward, {});
  ASSERT_TRUE(page && page->events->size() == 1U);
  EXPECT_EQ(page->events->events()[0].position, Position{3});
  store::AppendRequest retry;
  retry.events.push_back(make_event(from().store->log().read_after(Position{0}, {}, {})->events->events()[0]));
  const auto again = to().store->events().append_and_wait(std::move(retry), Deadline::in(std::chrono::seconds(30)));
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->origin, store::AppendReceipt::Origin::kKnown);
  EXPECT_EQ(again->first_position, Position{1});
}

TEST_P(MoveContract, FindsEventsByTheirTags) {
  Event event{.id = EventId::from_name(kNamespaceUrl, "tagged"), .stream = "order-1", .category = "order"};
  event.type = "placed";
  event.metadata = R"({"tags":["vip"]})";
  store::AppendRequest request;
  request.events.push_back(make_event(event));
  append(from(), "order-0");
  ASSERT_TRUE(from().store->events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30))));
  export_from(from());
  import_to(to());
  const auto page = to().store->log().read_after(Position{0}, {}, {.tags = {"vip"}});
  ASSERT_TRUE(page) << page.error().describe();
  ASSERT_EQ(page->events->size(), 1U);
  EXPECT_EQ(page->events->events()[0].position, Position{2});
}

TEST_P(MoveContract, KeepsStubsAndWhatIsReadOfStreams) {
  for (int i = 0; i < 4; ++i)
    for (const char* stream : {"a-1", "b-1", "c-1", "d-1", "e-1"}) append(from(), stream);
  store::Retention& retention = from().store->retention();
  ASSERT_TRUE(retention.remove("a-1", store::Removal::kDelete, store::AnyVersion{}));
  ASSERT_TRUE(retention.remove("b-1", store::Removal::kTombstone, store::AnyVersion{}));
  ASSERT_TRUE(retention.truncate("c-1", Version{2}));
  ASSERT_TRUE(retention.scavenge(1'000));
  ASSERT_TRUE(retention.truncate("c-1", Version{3}));
  ASSERT_TRUE(retention.set_limits("d-1", {3, std::chrono::hours(24 * 365)}));
  export_from(from());
  import_to(to());
  EXPECT_EQ(rows_of(to()), rows_of(from()));
  expect_same_counts(from(), to());
  for (const char* stream : {"a-1", "b-1", "c-1", "d-1", "e-1"}) {
    const auto given = retention.find(stream), kept = to().store->retention().find(stream);
    ASSERT_TRUE(given && kept && *kept) << stream;
    EXPECT_EQ((*kept)->state, (*given)->state) << stream;
    EXPECT_EQ((*kept)->truncate_before, (*given)->truncate_before) << stream;
    EXPECT_EQ((*kept)->limits, (*given)->limits) << stream;
    EXPECT_EQ((*kept)->last_version, (*given)->last_version) << stream;
  }
  EXPECT_EQ(try_to_append(to(), "b-1"), "store.stream_deleted");
  const auto left = to().store->retention().scavenge(1'000);
  ASSERT_TRUE(left) << left.error().describe();
  EXPECT_EQ(left->events, 2U);  // of c-1 and d-1 one each
}

TEST_P(MoveContract, KeepsWhatMustNotBeLostBesideTheEvents) {
  for (int i = 0; i < 3; ++i) append(from(), "order-1");
  const auto lease = from().store->leases().take("route/to-kafka", "me");
  ASSERT_TRUE(lease) << lease.error().describe();
  ASSERT_TRUE(from().store->checkpoints().create(*lease, "to-kafka", Position{2}));
  const SourceCheckpoint source{"17", "71", 2};
  ASSERT_TRUE(from().store->source_checkpoints().advance(*lease, "orders", std::nullopt, source));
  store::ParkedEvent parked;
  parked.route = "orders-in";
  parked.source = "orders";
  parked.source_key = "9";
  parked.code = "outbox.row_malformed";
  parked.reason = "no id";
  parked.content = "{\n\"payload\": \"x\"}";
  ASSERT_TRUE(from().store->parked().park({parked}));
  const store::GapRecord gap{.route = "to-kafka", .reason = "store.fenced", .from = Position{4}, .to = Position{5}};
  const auto number = from().store->gaps().record(gap);
  ASSERT_TRUE(number && from().store->gaps().acknowledge(*number, "ops"));
  export_from(from());
  EXPECT_EQ(import_to(to()).others, 4U);

  const auto checkpoint = to().store->checkpoints().load("to-kafka");
  ASSERT_TRUE(checkpoint && *checkpoint);
  EXPECT_EQ((*checkpoint)->position, Position{2});
  EXPECT_EQ((*checkpoint)->identity, to().store->identity().value());
  EXPECT_EQ(to().store->source_checkpoints().load("orders").value(), source);
  const auto rows = to().store->parked().list("", 0, 10);
  ASSERT_TRUE(rows && rows->size() == 1U);
  EXPECT_EQ(to().store->parked().find(rows->front().number).value()->content, parked.content);
  const auto gaps = to().store->gaps().list(0, 10);
  ASSERT_TRUE(gaps && gaps->size() == 1U);
  EXPECT_EQ(gaps->front().acknowledged_by, "ops");
  // The route can be driven on from there.
  const auto taken = to().store->leases().take("route/to-kafka", "you");
  ASSERT_TRUE(taken) << taken.error().describe();
  EXPECT_EQ(code_of(to().store->checkpoints().advance(*taken, "to-kafka", Position{2}, Position{3})), "ok");
}

TEST_P(MoveContract, LeavesTheOthersOutWhereOnlyEventsAreWanted) {
  append(from(), "order-1");
  const auto lease = from().store->leases().take("route/to-kafka", "me");
  ASSERT_TRUE(lease && from().store->checkpoints().create(*lease, "to-kafka", Position{1}));
  export_from(from());
  EXPECT_EQ(import_to(to(), {.others = store::archive::Others::kLeftOut}).others, 0U);
  EXPECT_EQ(to().store->checkpoints().load("to-kafka").value(), std::nullopt);
  EXPECT_EQ(to().transfer->filling()->open, store::Filling::Open::kNo);
}

TEST_P(MoveContract, WalksOverWhatIsScavengedMeanwhile) {
  for (int i = 0; i < 5; ++i) append(from(), "order-1");
  ASSERT_TRUE(from().store->retention().truncate("order-1", Version{1}));
  ASSERT_TRUE(from().store->retention().scavenge(1'000));
  ASSERT_TRUE(from().store->retention().truncate("order-1", Version{4}));
  ScavengedLog log(*from().store);
  store::archive::RowWalk walk(log, *from().transfer, Position{0}, Position{5});
  const auto rows = walk.next();
  ASSERT_TRUE(rows) << rows.error().describe();
  EXPECT_EQ(rows->size(), 5U);
}

TEST_P(MoveContract, GoesOnBehindWhatAnImportHasLeft) {
  for (int i = 0; i < 9; ++i) append(from(), "order-" + std::to_string(i % 2));
  export_from(from());
  {
    // As far as an import came that died: two transactions, and the store is still closed.
    store::archive::RowWalk walk(from().store->log(), *from().transfer, Position{0}, Position{9});
    const auto rows = walk.next();
    ASSERT_TRUE(rows) << rows.error().describe();
    ASSERT_TRUE(to().transfer->begin(Position{0}));
    ASSERT_TRUE(to().transfer->load(rows->first(3)));
    ASSERT_TRUE(to().transfer->load(rows->subspan(3, 2)));
  }
  const ImportSummary imported = import_to(to());
  EXPECT_EQ(imported.verified, 5U);
  EXPECT_EQ(imported.written, 4U);
  EXPECT_EQ(rows_of(to()), rows_of(from()));
  EXPECT_EQ(try_to_append(to(), "order-0"), "ok");
}

TEST_P(MoveContract, FindsNothingToDoTheSecondTime) {
  for (int i = 0; i < 3; ++i) append(from(), "order-1");
  export_from(from());
  import_to(to());
  append(to(), "order-2");
  const auto lease = to().store->leases().take("route/r", "the-daemon");
  ASSERT_TRUE(lease) << lease.error().describe();
  const ImportSummary again = import_to(to());
  EXPECT_EQ(again.written, 0U);
  EXPECT_EQ(again.verified, 3U);
  EXPECT_EQ(to().store->log().head().value(), Position{4});
}

TEST_P(MoveContract, RefusesAStoreWithOtherEvents) {
  for (int i = 0; i < 3; ++i) append(from(), "order-1");
  append(to(), "order-1");
  export_from(from());
  EXPECT_THAT(import_error(to()), HasSubstr("store.other_events: "));
  EXPECT_THAT(import_error(to()), HasSubstr("a.jsonl:2: the store has another event at position 1"));
  EXPECT_EQ(to().store->log().head().value(), Position{1});
  EXPECT_EQ(try_to_append(to(), "order-1"), "ok");
}

TEST_P(MoveContract, TakesALaterArchiveBehindAnEarlierOne) {
  for (int i = 0; i < 3; ++i) append(from(), "order-1");
  export_from(from());
  ASSERT_TRUE(from().store->retention().remove("order-1", store::Removal::kDelete, store::AnyVersion{}));
  for (int i = 0; i < 2; ++i) append(from(), "order-1");
  const auto later = export_from(from(), {.path = path("b.jsonl"), .after = Position{3}});
  EXPECT_EQ(later.rows, 2U);
  EXPECT_THAT(import_error(to(), {.path = path("b.jsonl")}),
              HasSubstr("store.other_events: the archive begins behind position 3, the store ends at 0"));
  import_to(to());
  EXPECT_EQ(import_to(to(), {.path = path("b.jsonl")}).written, 2U);
  EXPECT_EQ(rows_of(to()), rows_of(from()));
  EXPECT_EQ(to().store->retention().find("order-1").value()->state, store::StreamState::kLive);
  EXPECT_EQ(to().store->retention().find("order-1").value()->truncate_before, Version{3});
}

TEST_P(MoveContract, RefusesALaterArchiveOfAnotherStore) {
  for (int i = 0; i < 3; ++i) append(from(), "order-1");
  for (int i = 0; i < 2; ++i) append(to(), "order-1");
  export_from(from(), {.after = Position{2}});
  EXPECT_THAT(import_error(to()), HasSubstr("the store has another event at position 2"));
}

TEST_P(MoveContract, MovesAnEmptyStore) {
  EXPECT_EQ(export_from(from()).rows, 0U);
  EXPECT_EQ(import_to(to()).written, 0U);
  EXPECT_EQ(try_to_append(to(), "order-1"), "ok");
}

TEST_P(MoveContract, NamesTheLineOfAnEventThatIsTooLarge) {
  append(from(), "order-1");
  append(from(), "order-1");
  export_from(from());
  EXPECT_THAT(import_error(to(), {.limits = {.event_bytes = 1}}),
              testing::AllOf(StartsWith("store.limit_exceeded"), HasSubstr("a.jsonl:2: ")));
}

// As somebody would who changes a line and signs the file again.
void sign_anew(const std::string& path, std::vector<std::string> lines) {
  std::string text;
  for (std::size_t line = 0; line + 1 < lines.size(); ++line) text += lines[line] + "\n";
  std::string& end = lines.back();
  const std::size_t digits = end.find("\"sha256\":\"") + 10;
  end.replace(digits, 64, to_hex(sha256(text)));
  std::ofstream(path, std::ios::binary) << text << end << "\n";
}

TEST_P(MoveContract, NamesTheLineThatDoesNotFitBeforeAnythingIsWritten) {
  for (int i = 0; i < 10; ++i) append(from(), "order-" + std::to_string(i % 2));
  export_from(from());
  const auto lines = lines_of(path());
  const std::vector<std::array<std::string, 3>> changes = {
      {"\"version\":3", "\"version\":4", "goes on with version 3, not 4"},
      {R"("category":"order")", R"("category":"other")", "has category \"order\""},
      {"\"recorded_at\":\"2", "\"recorded_at\":\"1", "recorded before the event that stands before it"},
  };
  for (const auto& [was, becomes, words] : changes) {
    SCOPED_TRACE(becomes);
    auto changed = lines;
    changed[7].replace(changed[7].find(was), was.size(), becomes);
    sign_anew(path("changed"), changed);
    EXPECT_THAT(
        import_error(to(), {.path = path("changed")}),
        testing::AllOf(StartsWith("store.invalid_request"), HasSubstr("changed:8: position 7: "), HasSubstr(words)));
    EXPECT_EQ(to().transfer->filling()->open, store::Filling::Open::kNo);
    EXPECT_EQ(to().store->log().head().value(), Position{0});
  }
  EXPECT_EQ(import_to(to()).written, 10U);
}

TEST_P(MoveContract, IsOpenAgainWhereNothingCouldBeWritten) {
  append(from(), "order-1");
  export_from(from());
  import_to(to());
  ASSERT_TRUE(to().store->retention().remove("order-1", store::Removal::kTombstone, store::AnyVersion{}));
  append(from(), "order-1");
  export_from(from(), {.path = path("more"), .after = Position{1}});
  EXPECT_THAT(import_error(to(), {.path = path("more")}),
              testing::AllOf(StartsWith("store.other_events"), HasSubstr("tombstone for stream \"order-1\""),
                             testing::Not(HasSubstr("stays closed"))));
  EXPECT_EQ(try_to_append(to(), "order-2"), "ok");
  EXPECT_EQ(to().store->retention().find("order-1").value()->state, store::StreamState::kTombstoned);
}

TEST_P(MoveContract, WritesNothingOfAFileWhoseLastLineIsWrong) {
  for (int i = 0; i < 3; ++i) append(from(), "order-1");
  export_from(from());
  auto lines = lines_of(path());
  lines[2].replace(lines[2].find("placed"), 6, "payed!");
  std::ofstream changed(path("changed"));
  for (const std::string& line : lines) changed << line << "\n";
  changed.close();
  EXPECT_THAT(import_error(to(), {.path = path("changed")}), StartsWith("archive.malformed"));
  EXPECT_EQ(to().store->log().head().value(), Position{0});
  EXPECT_EQ(to().transfer->filling()->open, store::Filling::Open::kNo);
}

TEST_P(MoveContract, TakesWhatIsThereOfACutArchiveIfThatIsAccepted) {
  for (int i = 0; i < 3; ++i) append(from(), "order-1");
  export_from(from());
  const auto lines = lines_of(path());
  std::ofstream(path("cut")) << lines[0] << "\n" << lines[1] << "\n" << lines[2] << "\n" << lines[3].substr(0, 20);
  EXPECT_THAT(import_error(to(), {.path = path("cut")}), StartsWith("archive.cut"));
  EXPECT_EQ(to().store->log().head().value(), Position{0});
  const ImportSummary taken = import_to(to(), {.path = path("cut"), .cut = ArchiveReader::Cut::kAccepted});
  EXPECT_EQ(taken.written, 2U);
  EXPECT_EQ(taken.whole, ImportSummary::Whole::kNo);
  EXPECT_EQ(try_to_append(to(), "order-1"), "ok");
}

}  // namespace
}  // namespace penstock::tests
