#include <gtest/gtest.h>

#include "store/checkpoints.h"
#include "store/event_store.h"
#include "tests/unit/store/lettered_ids.h"

namespace penstock::store {
namespace {

Event sound_event() {
  return {.id = id_of('a'), .stream = "order-1", .category = "order", .type = "placed", .data = "{}"};
}

std::string code_of(const Status& checked) { return checked ? "ok" : std::string(checked.error().code().name); }

std::string check(const std::vector<Event>& events, const AppendLimits& limits = {}) {
  AppendRequest request;
  for (const Event& event : events) request.events.push_back(make_event(event));
  return code_of(check_append(request, limits));
}

// The sound event after `change`.
template <typename Change>
std::string check_changed(Change change, const AppendLimits& limits = {}) {
  Event event = sound_event();
  change(event);
  return check({event}, limits);
}

TEST(CheckAppend, TakesASoundEvent) { EXPECT_EQ(check({sound_event()}), "ok"); }

TEST(CheckAppend, RefusesAnEmptyRequest) { EXPECT_EQ(check({}), "store.invalid_request"); }

TEST(CheckAppend, RefusesEmptyNames) {
  EXPECT_EQ(check_changed([](Event& event) { event.stream = ""; }), "store.invalid_request");
  EXPECT_EQ(check_changed([](Event& event) { event.category = ""; }), "store.invalid_request");
  EXPECT_EQ(check_changed([](Event& event) { event.type = ""; }), "store.invalid_request");
  EXPECT_EQ(check_changed([](Event& event) { event.content_type = ""; }), "store.invalid_request");
}

TEST(CheckAppend, RefusesTheNilId) {
  EXPECT_EQ(check_changed([](Event& event) { event.id = EventId(); }), "store.invalid_request");
}

TEST(CheckAppend, KeepsToTheLimits) {
  const AppendLimits limits{.event_bytes = 2, .stream_bytes = 7, .type_bytes = 16, .metadata_bytes = 8};
  EXPECT_EQ(check({sound_event()}, limits), "ok");
  EXPECT_EQ(check_changed([](Event& event) { event.data = "123"; }, limits), "store.limit_exceeded");
  EXPECT_EQ(check_changed([](Event& event) { event.stream = "order-12"; }, limits), "store.limit_exceeded");
  EXPECT_EQ(check_changed([](Event& event) { event.type = "12345678901234567"; }, limits), "store.limit_exceeded");
  EXPECT_EQ(check_changed([](Event& event) { event.category = "12345678901234567"; }, limits), "store.limit_exceeded");
  EXPECT_EQ(check_changed([](Event& event) { event.metadata = "{\"a\": 1}"; }, limits), "ok");
  EXPECT_EQ(check_changed([](Event& event) { event.metadata = "{\"a\":  1}"; }, limits), "store.limit_exceeded");
}

TEST(CheckAppend, BoundsTheRequestInEventsAndBytes) {
  Event second = sound_event();
  second.id = id_of('b');
  EXPECT_EQ(check({sound_event(), second}, {.batch_events = 2}), "ok");
  EXPECT_EQ(check({sound_event(), second}, {.batch_events = 1}), "store.limit_exceeded");
  EXPECT_EQ(check({sound_event(), second}, {.batch_bytes = 100}), "store.limit_exceeded");
  EXPECT_EQ(check({sound_event()}, {.batch_bytes = 100}), "ok");  // the event's own limit bounds it
}

TEST(CheckAppend, RefusesTextThatNoDatabaseKeeps) {
  for (const std::string_view text :
       {std::string_view("a\0b", 3), std::string_view("\xFF"), std::string_view("\xC0\x80"),
        std::string_view("\xED\xA0\x80"), std::string_view("\xF4\x90\x80\x80")}) {
    EXPECT_EQ(check_changed([&](Event& event) { event.stream = text; }), "store.invalid_request");
    EXPECT_EQ(check_changed([&](Event& event) { event.type = text; }), "store.invalid_request");
    EXPECT_EQ(check_changed([&](Event& event) { event.category = text; }), "store.invalid_request");
  }
}

TEST(CheckAppend, RefusesReservedNames) {
  for (const char* name : {"$", "$all", "@", "@all", "all", "count"})
    EXPECT_EQ(check_changed([&](Event& event) { event.stream = name; }), "store.reserved_name") << name;
  for (const char* name : {"All", "all-1", "a$", "counts"})
    EXPECT_EQ(check_changed([&](Event& event) { event.stream = name; }), "ok") << name;
}

TEST(CheckAppend, WantsMetadataToBeAJsonObject) {
  for (const char* text : {"", "[]", "1", "null", "{", "{\"a\"}", "{} x"})
    EXPECT_EQ(check_changed([&](Event& event) { event.metadata = text; }), "store.invalid_request") << text;
}

TEST(CheckAppend, WantsOneCategoryAStream) {
  Event stream = sound_event(), category = sound_event();
  stream.id = category.id = id_of('b');
  stream.stream = "order-2";
  category.category = "other";
  EXPECT_EQ(check({sound_event(), stream}), "ok");
  EXPECT_EQ(check({sound_event(), category}), "store.invalid_request");
}

TEST(CheckAppend, RefusesAnIdThatStandsTwice) {
  EXPECT_EQ(check({sound_event(), sound_event()}), "store.invalid_request");
}

TEST(JudgeAdvance, FollowsTheTableOfCompareAndSet) {
  const auto judge = [](std::optional<Position> stored, std::int64_t from, std::int64_t to) {
    const auto step = judge_advance("to-kafka", stored, Position{from}, Position{to});
    if (!step) return std::string(step.error().code().name);
    return std::string(*step == CheckpointStep::kMove ? "moves" : "stands there");
  };
  EXPECT_EQ(judge(Position{2}, 2, 5), "moves");
  EXPECT_EQ(judge(Position{5}, 2, 5), "stands there");
  EXPECT_EQ(judge(Position{2}, 2, 2), "stands there");
  EXPECT_EQ(judge(Position{3}, 2, 5), "store.corrupt");
  EXPECT_EQ(judge(Position{6}, 2, 5), "store.corrupt");
  EXPECT_EQ(judge(Position{5}, 5, 4), "store.corrupt");
  EXPECT_EQ(judge(Position{4}, 5, 4), "store.corrupt");
  EXPECT_EQ(judge(std::nullopt, 0, 5), "store.corrupt");
}

}  // namespace
}  // namespace penstock::store
