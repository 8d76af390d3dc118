// What a right file becomes, and who overrides whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "config/field_values.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/config/declarations_for_tests.h"

namespace penstock::tests {
namespace {

constexpr std::string_view kWhole = R"(
[store]
url = "sqlite:events.db"
[[source]]
name = "orders"
kind = "outbox"
url = "postgresql://u:canary@h/db"
table = "shop.outbox"
  [source.columns]
  id = "event_id"
  content_type = { const = "text/plain" }
[[sink]]
name = "kafka"
kind = "kafka"
brokers = ["127.0.0.1:9092"]
  [sink.options]
  "linger.ms" = 5
  "sasl.password" = "canary"
[[route]]
name = "orders-in"
from = "orders"
to = "store"
[[route]]
from = "store"
to = "kafka"
filter = { category = ["order"] }
start = 17
max_in_flight_bytes = "1MiB"
)";

TEST(Configuration, TakesAnEmptyFile) {
  const auto loaded = load_for_test("");
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  EXPECT_EQ(loaded.settings->store.url.reveal(), "sqlite:penstock.db");
  EXPECT_EQ(loaded.settings->shutdown_grace, std::chrono::seconds(10));
  EXPECT_EQ(loaded.settings->limits.event_bytes, 1u << 20);
}

TEST(Configuration, FillsTypedSettings) {
  const auto loaded = load_for_test(kWhole);
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  EXPECT_EQ(loaded.problems.size(), 0u) << lines_of(loaded);
  const Section& source = loaded.settings->find_source("orders")->section;
  EXPECT_EQ(source.text("table"), "shop.outbox");
  EXPECT_EQ(source.columns("columns").at("content_type").is, ColumnOrConstant::Is::kConstant);
  EXPECT_EQ(source.integer("batch"), 500);
  EXPECT_FALSE(source.has("batch"));
  const Section& sink = loaded.settings->find_sink("kafka")->section;
  EXPECT_EQ(sink.text_table("options").at("linger.ms"), "5");
  EXPECT_EQ(sink.place("options.linger.ms"), "t.toml:17:17");
}

TEST(Configuration, FillsRoutesWithDefaults) {
  const auto loaded = load_for_test(kWhole);
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  const config::Route& route = loaded.settings->routes.at(1);
  EXPECT_EQ(route.name, "store-to-kafka");
  EXPECT_THAT(route.section.text_list("filter.category"), testing::ElementsAre("order"));
  EXPECT_EQ(route.section.text("start"), "17");
  EXPECT_EQ(route.section.integer("max_in_flight_bytes"), 1 << 20);
  EXPECT_EQ(route.section.integer("retry.max_ms"), 5'000);
  EXPECT_EQ(route.section.text("topic"), "outbox.event.{category}");
  EXPECT_EQ(route.section.text("key"), "{key}");
}

TEST(Configuration, TakesADeclaredDefaultWithOrWithoutQuotes) {
  const auto loaded =
      load_for_test("[[sink]]\nname=\"r\"\nkind=\"rabbitmq\"\nurl=\"amqp://h\"\n[[route]]\nfrom=\"store\"\nto=\"r\"\n");
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  EXPECT_EQ(loaded.settings->routes[0].section.text("routing_key"), "{category}.{type}");
}

TEST(Configuration, ShowsNoSecret) {
  const auto loaded = load_for_test(kWhole);
  ASSERT_TRUE(loaded.settings);
  std::string shown;
  for (const auto& table : loaded.settings->shown) {
    for (const auto& key : table.keys) shown += key.name + " = " + key.value + "\n";
  }
  EXPECT_THAT(shown, testing::Not(testing::HasSubstr("canary")));
  EXPECT_THAT(shown, testing::HasSubstr("url = \"postgresql://u:***@h/db\"\n"));
  EXPECT_THAT(shown, testing::HasSubstr("\"sasl.password\" = \"***\""));
}

TEST(Configuration, MasksEachPropertyThatMayHoldASecret) {
  for (const std::string name :
       {"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "ssl.certificate.pem",
        "ssl.ca.pem", "ssl.key.location", "sasl.jaas.config", "sasl.oauthbearer.config",
        "sasl.oauthbearer.client.secret", "sasl.oauthbearer.extensions", "sasl.oauthbearer.token.endpoint.url",
        "sasl.kerberos.kinit.cmd", "SASL.OAuthBearer.Config"})
    EXPECT_TRUE(config::is_secret_name(name)) << name;
  for (const std::string name :
       {"linger.ms", "security.protocol", "sasl.mechanisms", "sasl.username", "ssl.ca.location",
        "sasl.oauthbearer.method", "message.max.bytes", "sticky.partitioning.linger.ms"})
    EXPECT_FALSE(config::is_secret_name(name)) << name;
}

TEST(Configuration, NeverShowsWhatAReferenceYields) {
  config::LoadRequest request;
  request.environment = {{"LEVEL", "canary"}, {"GRACE", "canary"}};
  const auto loaded =
      load_for_test("[log]\nlevel = { env = \"LEVEL\" }\n[shutdown]\ngrace_ms = { env = \"GRACE\" }\n", request);
  EXPECT_EQ(
      lines_of(loaded),
      "t.toml:2:9: `level`: the reference yields a wrong value (expected one of trace, debug, info, warn, error)\n"
      "t.toml:4:12: `grace_ms`: the reference yields a wrong value (expected an integer)\n");
}

TEST(Configuration, ResolvesReferencesToEnvironmentAndFiles) {
  TemporaryFolder folder;
  std::ofstream(folder.file("url")) << "amqp://from-file\n";
  config::LoadRequest request;
  request.environment = {{"STORE", "sqlite:from-env"}};
  const auto loaded = load_for_test(
      "[store]\nurl = { env = \"STORE\" }\n[[sink]]\nname = \"r\"\nkind = \"rabbitmq\"\nurl = { file = \"" +
          folder.file("url") + "\" }\n",
      request);
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  EXPECT_EQ(loaded.settings->store.url.reveal(), "sqlite:from-env");
  EXPECT_EQ(loaded.settings->find_sink("r")->section.secret("url").reveal(), "amqp://from-file");
}

TEST(Configuration, ReadsTheFileOfASecretAgainWhereItIsUsed) {
  TemporaryFolder folder;
  std::ofstream(folder.file("url")) << "postgresql://relay:old@db/shop\n";
  const auto loaded = load_for_test("[store]\nurl = { file = \"" + folder.file("url") + "\" }\n");
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  const Secret& url = loaded.settings->store.url;
  std::ofstream(folder.file("url")) << "postgresql://relay:new@db/shop\n";
  EXPECT_EQ(url.current().secret.reveal(), "postgresql://relay:new@db/shop");
  std::ofstream(folder.file("url")).close();
  EXPECT_EQ(url.current().secret.reveal(), "postgresql://relay:new@db/shop");
  EXPECT_EQ(url.current().fault, "file " + folder.file("url") + " is empty");
  EXPECT_EQ(url.reveal(), "postgresql://relay:old@db/shop");
}

TEST(Configuration, OnlyWarnsOfAMissingReferenceWhenCheckedAway) {
  config::LoadRequest request;
  request.missing_reference = config::MissingReference::kWarning;
  const auto loaded = load_for_test("[store]\nurl = { env = \"ELSEWHERE\" }\n", request);
  EXPECT_EQ(lines_of(loaded), "t.toml:2:7: warning: `url`: environment variable ELSEWHERE is not set\n");
  ASSERT_TRUE(loaded.settings);
  EXPECT_TRUE(loaded.settings->store.url.empty());
}

TEST(Configuration, PutsFlagsOverEnvironmentOverFile) {
  config::LoadRequest request;
  request.environment = {{"PENSTOCK_LOG__LEVEL", "debug"}, {"PENSTOCK_LOG__FORMAT", "json"}};
  request.overrides = {{"log.level", "error", "--log-level"}};
  const auto loaded = load_for_test("[log]\nlevel = \"warn\"\nformat = \"text\"\n", request);
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  EXPECT_EQ(loaded.settings->log.level, LogLevel::kError);
  EXPECT_EQ(loaded.settings->log.format, config::LogTable::Format::kJson);
  EXPECT_EQ(loaded.settings->shown.at(1).keys.at(0).origin, "--log-level");
  EXPECT_EQ(loaded.settings->shown.at(1).keys.at(1).origin, "environment variable PENSTOCK_LOG__FORMAT");
}

TEST(Configuration, SaysThatDatabaseUrlOverridesTheFile) {
  config::LoadRequest request;
  request.environment = {{"DATABASE_URL", "postgresql://h/db"}};
  const auto loaded = load_for_test("[store]\nurl = \"sqlite:a\"\n", request);
  ASSERT_TRUE(loaded.settings);
  EXPECT_EQ(loaded.settings->store.url.reveal(), "postgresql://h/db");
  EXPECT_EQ(lines_of(loaded), "t.toml:2:7: warning: `url` is overridden by environment variable DATABASE_URL\n");
}

TEST(Configuration, SaysNothingWhereDatabaseUrlIsWhatTheFileNames) {
  config::LoadRequest request;
  request.environment = {{"DATABASE_URL", "postgresql://h/db"}};
  const auto loaded = load_for_test("[store]\nurl = { env = \"DATABASE_URL\" }\n", request);
  ASSERT_TRUE(loaded.settings);
  EXPECT_EQ(lines_of(loaded), "");
}

TEST(Configuration, ListensForScrapesOnlyWhereItIsAskedTo) {
  const auto silent = load_for_test("[metrics]\n");
  ASSERT_TRUE(silent.settings) << lines_of(silent);
  EXPECT_FALSE(silent.settings->metrics.listen);
  const auto loaded = load_for_test("[metrics]\nlisten = \"[::1]:0\"\n");
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  EXPECT_EQ(loaded.settings->metrics.listen->host, "::1");
  EXPECT_EQ(loaded.settings->metrics.listen->port, 0);
}

TEST(Configuration, RefusesAnAddressThatCantBeListenedAt) {
  EXPECT_EQ(lines_of(load_for_test("[metrics]\nlisten = \"example.org:26543\"\n")),
            "t.toml:2:10: `listen`: no numeric address before the port: \"example.org:26543\" (expected "
            "\"127.0.0.1:26543\", \"[::1]:26543\" or \"0.0.0.0:26543\")\n");
  EXPECT_EQ(lines_of(load_for_test("[metrics]\nlisten = 26543\n")),
            "t.toml:2:10: `listen`: wrong type: an integer (expected an address and a port such as "
            "\"127.0.0.1:26543\")\n");
}

TEST(Configuration, TakesThePortOfMetricsByItsAlias) {
  config::LoadRequest request;
  request.environment = {{"PROM_PORT", "9"}};
  const auto alone = load_for_test("", request);
  ASSERT_TRUE(alone.settings) << lines_of(alone);
  EXPECT_EQ(to_string(*alone.settings->metrics.listen), "127.0.0.1:9");
  EXPECT_EQ(lines_of(load_for_test("[metrics]\nlisten = \"127.0.0.1:9\"\n", request)), "");
  const auto over = load_for_test("[metrics]\nlisten = \"0.0.0.0:9\"\n", request);
  EXPECT_EQ(to_string(*over.settings->metrics.listen), "127.0.0.1:9");
  EXPECT_EQ(lines_of(over), "t.toml:2:10: warning: `listen` is overridden by environment variable PROM_PORT\n");
}

TEST(Configuration, PutsItsOwnVariableOverThePortsAlias) {
  config::LoadRequest request;
  request.environment = {{"PROM_PORT", "9"}, {"PENSTOCK_METRICS__LISTEN", "0.0.0.0:10"}};
  const auto loaded = load_for_test("", request);
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  EXPECT_EQ(to_string(*loaded.settings->metrics.listen), "0.0.0.0:10");
}

// Of a service called `prom`, as Kubernetes tells every container of it.
TEST(Configuration, TakesTheAddressOfAServiceForNoPort) {
  config::LoadRequest request;
  request.environment = {{"PROM_PORT", "tcp://10.0.0.1:9090"}};
  const auto loaded = load_for_test("", request);
  ASSERT_TRUE(loaded.settings) << lines_of(loaded);
  EXPECT_FALSE(loaded.settings->metrics.listen);
}

TEST(Configuration, RefusesAPortThatIsNone) {
  config::LoadRequest request;
  request.environment = {{"PROM_PORT", "metrics"}};
  EXPECT_EQ(lines_of(load_for_test("", request)),
            "environment variable PROM_PORT: `metrics.listen`: no port from 0 to 65535: \"127.0.0.1:metrics\" "
            "(expected \"127.0.0.1:26543\", \"[::1]:26543\" or \"0.0.0.0:26543\")\n");
}

TEST(Configuration, RefusesAWrongValueFromTheEnvironment) {
  config::LoadRequest request;
  request.environment = {{"PENSTOCK_SHUTDOWN__GRACE_MS", "soon"}};
  EXPECT_EQ(lines_of(load_for_test("", request)),
            "environment variable PENSTOCK_SHUTDOWN__GRACE_MS: `shutdown.grace_ms`: wrong value: \"soon\" (expected an "
            "integer)\n");
}

TEST(Configuration, WarnsOfVariablesThatMeanNothing) {
  config::LoadRequest request;
  request.environment = {{"PENSTOCK_LOG__LEVLE", "x"}, {"PENSTOCK_FAILPOINT", "x"}, {"PENSTOCK_TEST_KAFKA", "x"},
                         {"PENSTOCK_CONFIG", "x"},     {"PENSTOCK_DB", "sqlite:a"}, {"OTHER", "x"}};
  const auto loaded = load_for_test("[store]\nurl = { env = \"PENSTOCK_DB\" }\n", request);
  EXPECT_TRUE(loaded.settings);
  EXPECT_EQ(lines_of(loaded),
            "environment variable PENSTOCK_LOG__LEVLE: warning: unknown variable; it changes nothing (did you mean "
            "`PENSTOCK_LOG__LEVEL`?)\n");
}

TEST(Configuration, WarnsOfSourcesAndSinksThatNoRouteUses) {
  const auto loaded = load_for_test("[[sink]]\nname = \"c\"\nkind = \"console\"\n");
  EXPECT_TRUE(loaded.settings);
  EXPECT_EQ(lines_of(loaded), "t.toml:2:8: warning: sink \"c\" is used by no route\n");
}

}  // namespace
}  // namespace penstock::tests
