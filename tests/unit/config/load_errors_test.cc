// Wrong files and the exact words that are said about them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/declarations_for_tests.h"

namespace penstock::tests {
namespace {

struct WrongFile {
  std::string_view name;
  std::string_view text;
  std::string_view problems;
};

std::ostream& operator<<(std::ostream& out, const WrongFile& file) { return out << file.name; }

class WrongConfiguration : public testing::TestWithParam<WrongFile> {};

TEST_P(WrongConfiguration, IsRefusedWithPlaceExpectationAndNearestName) {
  const auto loaded = load_for_test(GetParam().text);
  EXPECT_FALSE(loaded.settings.has_value());
  EXPECT_EQ(lines_of(loaded), GetParam().problems);
}

const WrongFile kWrongFiles[] = {
    {"SyntaxError", "[store]\nurl = sqlite\n",
     "t.toml:2:7: syntax error: Error while parsing value: could not determine value type\n"},
    {"RepeatedKey", "[store]\nurl = \"sqlite:a\"\nurl = \"sqlite:b\"\n",
     "t.toml:3:7: syntax error: Error while parsing key-value pair: cannot redefine existing string 'url'\n"},
    {"UnknownTable", "[stoer]\nurl = \"sqlite:a\"\n",
     "t.toml:1:2: unknown table `stoer` (expected one of store, log, shutdown, limits, metrics, source, sink, route; "
     "did you mean `store`?)\n"},
    {"UnknownKey", "[store]\nurll = \"sqlite:a\"\n",
     "t.toml:2:1: unknown key `urll` in [store] (expected one of url, schema; did you mean `url`?)\n"},
    {"UnknownKeyOfKind", "[[sink]]\nname = \"k\"\nkind = \"kafka\"\nbroker = []\nbrokers = []\n",
     "t.toml:4:1: unknown key `broker` in [[sink]] k of kind kafka (expected one of name, kind, brokers, options; did "
     "you mean `brokers`?)\n"},
    {"WrongType", "[shutdown]\ngrace_ms = \"10s\"\n",
     "t.toml:2:12: `grace_ms`: wrong type: a string (expected an integer)\n"},
    {"WrongTypeOfText", "[store]\nschema = 5\n",
     "t.toml:2:10: `schema`: wrong type: an integer (expected a string, { env = \"NAME\" } or { file = \"path\" })\n"},
    {"WrongTypeOfSecret", "[[sink]]\nname = \"r\"\nkind = \"rabbitmq\"\nurl = \"amqp://h\"\npassword = 5\n",
     "t.toml:5:12: `password`: wrong type: an integer (expected a string, { env = \"NAME\" } or { file = \"path\" "
     "})\n"},
    {"TooSmall", "[shutdown]\ngrace_ms = -1\n", "t.toml:2:12: `grace_ms`: too small: -1 (expected at least 0)\n"},
    {"TooLarge", "[limits]\nstream_bytes = \"2KiB\"\n",
     "t.toml:2:16: `stream_bytes`: too large: 2048 (expected at most 1KiB)\n"},
    {"NoSize", "[limits]\nevent_bytes = \"1MB\"\n",
     "t.toml:2:15: `event_bytes`: no size: \"1MB\" (expected a number of bytes, or one with B, KiB, MiB or GiB)\n"},
    {"BatchBelowEvent", "[limits]\nbatch_bytes = \"64KiB\"\n",
     "t.toml:2:15: `batch_bytes`: smaller than `event_bytes` (expected at least 1048576)\n"},
    {"UnknownWord", "[log]\nlevel = \"warning\"\n",
     "t.toml:2:9: `level`: unknown word \"warning\" (expected one of trace, debug, info, warn, error)\n"},
    {"UnknownWordWithNear", "[log]\nlevel = \"inof\"\n",
     "t.toml:2:9: `level`: unknown word \"inof\" (expected one of trace, debug, info, warn, error; did you mean "
     "`info`?)\n"},
    {"SingleTableForMany", "[source]\nname = \"a\"\n",
     "t.toml:1:1: wrong type of `source`: a table (expected [[source]])\n"},
    {"ManyTablesForSingle", "[[store]]\nurl = \"sqlite:a\"\n",
     "t.toml:1:1: wrong type of `store`: a list (expected a table: [store])\n"},
    {"UnknownKind", "[[sink]]\nname = \"k\"\nkind = \"kafak\"\nbrokers = [\"h:1\"]\n",
     "t.toml:3:8: `kind`: unknown kind of sink \"kafak\" (expected one of kafka, rabbitmq, console; did you mean "
     "`kafka`?)\n"},
    {"KindOfLaterWork", "[[sink]]\nname = \"w\"\nkind = \"webhook\"\n",
     "t.toml:3:8: `kind`: \"webhook\" is not built yet (expected one of kafka, rabbitmq, console)\n"},
    {"StoreAsSink", "[[sink]]\nname = \"s\"\nkind = \"store\"\n",
     "t.toml:3:8: `kind`: the store needs no [[sink]] (expected a route with to = \"store\")\n"},
    {"KeyOfLaterWork",
     "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[route]]\nfrom = \"store\"\nto = \"c\"\non_unroutable = \"park\"\n",
     "t.toml:7:1: `on_unroutable` in [[route]] is not built yet\n"},
    {"ReactionOfLaterWork",
     "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[route]]\nfrom = \"store\"\nto = \"c\"\non_reject = \"park_key\"\n",
     "t.toml:7:13: `on_reject`: \"park_key\" is not built yet (expected one of stop, park_event, skip)\n"},
    {"TableOfLaterWork", "[grpc]\nlisten = \"127.0.0.1:1\"\n", "t.toml:1:2: `grpc` is not built yet\n"},
    {"ReservedName", "[[sink]]\nname = \"store\"\nkind = \"console\"\n",
     "t.toml:2:8: `name`: \"store\" is reserved for the event store (expected another name)\n"},
    {"BadName", "[[sink]]\nname = \"My Sink\"\nkind = \"console\"\n",
     "t.toml:2:8: `name`: \"My Sink\" is no name (expected 1 to 63 characters out of a-z, 0-9 and -)\n"},
    {"RepeatedName", "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[sink]]\nname = \"c\"\nkind = \"console\"\n",
     "t.toml:5:8: two sinks are named \"c\", the first at t.toml:2:8 (expected different names)\n"},
    {"DanglingSink",
     "[[sink]]\nname = \"kafka\"\nkind = \"kafka\"\nbrokers = []\n[[route]]\nfrom = \"store\"\nto = \"kafak\"\n",
     "t.toml:7:6: `to`: there is no sink \"kafak\" (expected one of kafka, store; did you mean `kafka`?)\n"},
    {"DanglingSource", "[[route]]\nfrom = \"orders\"\nto = \"store\"\n",
     "t.toml:2:8: `from`: there is no source \"orders\" (expected store)\n"},
    {"StoreToStore", "[[route]]\nfrom = \"store\"\nto = \"store\"\n",
     "t.toml:3:6: `to`: a route from the store into the store moves nothing (expected a sink's name)\n"},
    {"TwoRoutesOfOneSource",
     "[[source]]\nname = \"a\"\nkind = \"outbox\"\nurl = \"sqlite:a\"\ntable = \"t\"\n[[sink]]\nname = \"c\"\nkind = "
     "\"console\"\n[[route]]\nfrom = \"a\"\nto = \"store\"\n[[route]]\nfrom = \"a\"\nto = \"c\"\n",
     "t.toml:13:8: `from`: source \"a\" already feeds the route at t.toml:10:8 (expected one route a source: send it "
     "to "
     "\"store\" and let further routes start there)\n"},
    {"TwoSourcesOfOneTable",
     "[[source]]\nname = \"a\"\nkind = \"outbox\"\nurl = \"sqlite:a\"\ntable = \"t\"\n[[source]]\nname = \"b\"\nkind = "
     "\"outbox\"\nurl = \"sqlite:a\"\ntable = \"public.t\"\n[[route]]\nfrom = \"a\"\nto = \"store\"\n[[route]]\nfrom = "
     "\"b\"\nto = \"store\"\n",
     "t.toml:10:9: `table`: source \"a\" reads this table already, and only one can (expected another table, or one "
     "source)\n"},
    {"SameDefaultName",
     "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[route]]\nfrom = \"store\"\nto = \"c\"\n[[route]]\nfrom = "
     "\"store\"\nto = \"c\"\n",
     "t.toml:7:1: give the route a `name` of its own: two routes are named \"store-to-c\", the first at t.toml:4:1 "
     "(expected different names)\n"},
    {"MissingKeyAtHeader", "\n[[source]]\nname = \"a\"\nkind = \"outbox\"\nurl = \"sqlite:a\"\n",
     "t.toml:2:1: missing key `table` in [[source]] a (expected a string, { env = \"NAME\" } or { file = \"path\" "
     "})\n"},
    {"ConnectorsOwnCheck", "[[source]]\nname = \"a\"\nkind = \"outbox\"\nurl = \"sqlite:a\"\ntable = \"bad\"\n",
     "t.toml:5:9: this table is bad\n"},
    {"KeyOfAnotherKind",
     "[[sink]]\nname = \"r\"\nkind = \"rabbitmq\"\nurl = \"amqp://h\"\n[[route]]\nfrom = \"store\"\nto = \"r\"\ntopic "
     "= "
     "\"x\"\n",
     "t.toml:8:1: unknown key `topic` in [[route]] to a sink of kind rabbitmq (expected one of name, from, to, filter, "
     "key, headers, start, wire, max_in_flight, max_in_flight_bytes, order, attempts, on_reject, on_lost_tail, retry, "
     "renamed_from, routing_key)\n"},
    {"UnknownPlaceholder",
     "[[sink]]\nname = \"k\"\nkind = \"kafka\"\nbrokers = []\n[[route]]\nfrom = \"store\"\nto = \"k\"\ntopic = "
     "\"a.{nope}\"\nkey = \"{nope}\"\nheaders = { t = \"{nope}\" }\n",
     "t.toml:8:9: `topic`: unknown placeholder {nope}\nt.toml:9:7: `key`: unknown placeholder {nope}\nt.toml:10:17: "
     "`headers.t`: unknown placeholder {nope}\n"},
    {"UnknownWire",
     "[[sink]]\nname = \"k\"\nkind = \"kafka\"\nbrokers = []\n[[route]]\nfrom = \"store\"\nto = \"k\"\nwire = "
     "\"nativ\"\n",
     "t.toml:8:8: `wire`: unknown wire form \"nativ\" for a kafka sink (expected native; did you mean `native`?)\n"},
    {"MappingIntoStore",
     "[[source]]\nname = \"a\"\nkind = \"outbox\"\nurl = \"sqlite:a\"\ntable = \"t\"\n[[route]]\nfrom = \"a\"\nto = "
     "\"store\"\nkey = \"{key}\"\n",
     "t.toml:9:7: `key`: has no meaning for a route into the store, which keeps events as they are (expected none)\n"},
    {"RetryUpsideDown",
     "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[route]]\nfrom = \"store\"\nto = \"c\"\nretry = { min_ms = 500, "
     "max_ms = "
     "100 }\n",
     "t.toml:7:34: `retry.max_ms`: max_ms 100 is below min_ms 500 (expected max_ms to be at least min_ms)\n"},
    {"UnknownMember",
     "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[route]]\nfrom = \"store\"\nto = \"c\"\nfilter = { categories = "
     "[\"a\"] "
     "}\n",
     "t.toml:7:12: unknown key `filter.categories` in [[route]] to a sink of kind console (expected one of category, "
     "type; did you mean `category`?)\n"},
    {"StartOfNoKind",
     "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[route]]\nfrom = \"store\"\nto = \"c\"\nstart = \"first\"\n",
     "t.toml:7:9: `start`: unknown word \"first\" (expected one of earliest, latest)\n"},
    {"DottedOption", "[[sink]]\nname = \"k\"\nkind = \"kafka\"\nbrokers = []\n[sink.options]\nlinger.ms = 5\n",
     "t.toml:6:1: `options.linger`: wrong type: a table (expected a table of strings, numbers and booleans; a name "
     "with "
     "dots is written in quotes: \"linger.ms\")\n"},
    {"RenamedToItself",
     "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[route]]\nname = \"r\"\nfrom = \"store\"\nto = \"c\"\nrenamed_from "
     "= "
     "\"r\"\n",
     "t.toml:8:16: `renamed_from`: the route already has this name (expected its former one)\n"},
    {"ReferenceToNothing", "[store]\nurl = { env = \"NO_SUCH_VARIABLE\" }\n",
     "t.toml:2:7: `url`: environment variable NO_SUCH_VARIABLE is not set\n"},
    {"ReferenceToNoFile", "[store]\nurl = { file = \"/no/such/file\" }\n",
     "t.toml:2:7: `url`: file /no/such/file can't be read: No such file or directory\n"},
    {"ReferenceOfWrongType", "[store]\nurl = { env = 5 }\n",
     "t.toml:2:7: `url`: wrong reference (expected { env = \"NAME\" } or { file = \"path\" })\n"},
};

INSTANTIATE_TEST_SUITE_P(Files, WrongConfiguration, testing::ValuesIn(kWrongFiles),
                         [](const auto& file) { return std::string(file.param.name); });

TEST(Configuration, ReportsAllErrorsOfAFileInItsOrder) {
  const auto loaded = load_for_test(R"([log]
level = "loud"
[[source]]
kind = "outbox"
url = 5
[[route]]
from = "ordres"
to = "kafka"
max_in_flight = 0
)");
  std::vector<std::string> places;
  for (const auto& problem : loaded.problems) places.push_back(problem.place);
  EXPECT_THAT(places, testing::ElementsAre("t.toml:2:9", "t.toml:3:1", "t.toml:3:1", "t.toml:5:7", "t.toml:7:8",
                                           "t.toml:8:6", "t.toml:9:17"))
      << lines_of(loaded);
}

TEST(Configuration, NamesAFileThatCannotBeRead) {
  config::LoadRequest request;
  request.path = "/no/such/penstock.toml";
  const auto loaded = config::load_file(request, declarations_for_tests());
  EXPECT_EQ(lines_of(loaded), "/no/such/penstock.toml: can't be read: No such file or directory\n");
}

}  // namespace
}  // namespace penstock::tests
