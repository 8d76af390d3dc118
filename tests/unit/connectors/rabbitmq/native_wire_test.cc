#include "connectors/rabbitmq/native_wire.h"

#include <gtest/gtest.h>

#include <map>

#include "connectors/header_names.h"
#include "tests/unit/connectors/rabbitmq/message_for_tests.h"

namespace penstock::rabbitmq {
namespace {

// "name=text", "name:number", "name?true", one a line.
std::string headers_of(const connectors::Message& message) {
  struct Words {
    std::string operator()(std::string_view text) const { return "=" + std::string(text); }
    std::string operator()(std::int64_t number) const { return ":" + std::to_string(number); }
    std::string operator()(bool truth) const { return truth ? "?true" : "?false"; }
  };
  std::string lines;
  for (const connectors::Header& header : message.headers)
    lines += std::string(header.name) + std::visit(Words{}, header.value) + "\n";
  return lines;
}

TEST(NativeWire, GivesAStoredEventItsPlaceInTheLog) {
  EXPECT_EQ(headers_of(message_of(stored_event())),
            "stream=order-42\nkey=42\nversion:3\nposition:17\ntime=2026-02-02T02:40:00.123456Z\n");
}

TEST(NativeWire, GivesAnEventStraightFromAnOutboxItsPlaceInTheSource) {
  Event event = stored_event();
  event.version.reset();
  event.position.reset();
  event.occurred_at.reset();
  event.source_position = "815";
  EXPECT_EQ(headers_of(message_of(event)), "stream=order-42\nkey=42\nsource-position=815\n");
}

TEST(NativeWire, LeavesOutAKeyThatThereIsNot) {
  Event event = stored_event();
  event.key.reset();
  EXPECT_EQ(headers_of(message_of(event)).find("key="), std::string::npos);
}

TEST(NativeWire, CarriesTracesAndCauseButNoOtherMetadata) {
  Event event = stored_event();
  event.metadata = R"({"tenant":"t1","traceparent":"00-ab-cd-01","correlation-id":"c 1","causation-id":7})";
  EXPECT_EQ(headers_of(message_of(event)),
            "stream=order-42\nkey=42\nversion:3\nposition:17\ntime=2026-02-02T02:40:00.123456Z\n"
            "traceparent=00-ab-cd-01\ncorrelation-id=c 1\ncausation-id=7\n");
}

TEST(NativeWire, LeavesAMemberOutThatTheRouteNamesItself) {
  Event event = stored_event();
  event.metadata = R"({"traceparent":"theirs","tracestate":"x"})";
  connectors::MessageBuilder builder(make_event(event));
  builder.header("traceparent", "the route's");
  native_wire().encode(*builder.message().event, builder);
  const std::string headers = headers_of(std::move(builder).finish());
  EXPECT_NE(headers.find("traceparent=the route's\n"), std::string::npos) << headers;
  EXPECT_EQ(headers.find("theirs"), std::string::npos) << headers;
  EXPECT_NE(headers.find("tracestate=x\n"), std::string::npos) << headers;
}

TEST(NativeWire, LeavesNoNameOfItsOwnToARoute) {
  Section route;
  route.set("headers",
            std::map<std::string, std::string>{
                {"stream", "a"}, {"tombstone", "b"}, {"type", "c"}, {"traceparent", "d"}, {"tenant", "e"}},
            "p.toml:7:1");
  std::string errors;
  for (const auto& error : connectors::check_header_names(route, native_wire())) errors += error.message + "\n";
  EXPECT_EQ(errors,
            "`headers.stream`: the wire form \"native\" writes a header of this name itself (expected another)\n"
            "`headers.tombstone`: the wire form \"native\" writes a header of this name itself (expected another)\n");
}

TEST(NativeWire, MarksAnEventWithoutDataAsATombstone) {
  Event event = stored_event();
  event.data.reset();
  const auto message = message_of(event);
  EXPECT_TRUE(headers_of(message).ends_with("tombstone?true\n"));
  EXPECT_EQ(message.body, std::nullopt);
}

TEST(NativeWire, TellsEmptyDataFromNone) {
  Event event = stored_event();
  event.data = "";
  EXPECT_EQ(headers_of(message_of(event)).find("tombstone"), std::string::npos);
}

TEST(NativeWire, HandsOverTheBytesOfTheDataThemselves) {
  const auto message = message_of(stored_event());
  EXPECT_EQ(message.body->data(), message.event->data->data());
}

}  // namespace
}  // namespace penstock::rabbitmq
