#include "connectors/rabbitmq/rabbitmq_settings.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace penstock::rabbitmq {
namespace {

using Transport = BrokerAddress::Transport;

Section section_with(const std::string& url) {
  Section sink;
  sink.set("url", Secret(url), "p.toml:2:7");
  sink.set("exchange", std::string("events"), "p.toml:3:12");
  return sink;
}

std::string errors_of(const Section& sink) {
  std::string lines;
  for (const SectionError& error : check_settings(sink)) lines += error.place + ": " + error.message + "\n";
  return lines;
}

TEST(RabbitSettings, ReadTheWholeUrl) {
  const auto address = parse_address(Secret("amqp://us%65r:p%40ss@broker.example:5673/my%2Fhost"));
  ASSERT_TRUE(address);
  EXPECT_EQ(address->host, "broker.example");
  EXPECT_EQ(address->port, 5'673);
  EXPECT_EQ(address->user, "user");
  EXPECT_EQ(address->password.reveal(), "p@ss");
  EXPECT_EQ(address->vhost, "my/host");
  EXPECT_EQ(address->transport, Transport::kPlain);
}

TEST(RabbitSettings, FillInWhatTheUrlLeavesOut) {
  for (const char* url : {"amqp://broker", "amqp://broker/", "amqp://broker/%2F"}) {
    const auto address = parse_address(Secret(url));
    ASSERT_TRUE(address) << url;
    EXPECT_EQ(address->describe(), "broker:5672, vhost /");
    EXPECT_EQ(address->user, "guest");
  }
}

TEST(RabbitSettings, TakeTlsFromTheScheme) {
  const auto address = parse_address(Secret("amqps://broker"));
  ASSERT_TRUE(address);
  EXPECT_EQ(address->transport, Transport::kTls);
  EXPECT_EQ(address->port, 5'671);
}

TEST(RabbitSettings, ReadAnAddressInBrackets) {
  const auto address = parse_address(Secret("amqp://[::1]:5000/v"));
  ASSERT_TRUE(address);
  EXPECT_EQ(address->host, "::1");
  EXPECT_EQ(address->port, 5'000);
}

TEST(RabbitSettings, RefuseAUrlWithABareSlashOrAtInThePassword) {
  for (const char* url : {"amqp://user:123/4@host/v", "amqp://user:p@w@host/v", "amqp://user:1/2/3@host:5672/v"}) {
    const auto address = parse_address(Secret(url));
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().message().find("123"), std::string::npos);
    EXPECT_NE(address.error().message().find("%2F"), std::string::npos);
  }
}

TEST(RabbitSettings, RefuseAUrlWithoutShowingIt) {
  for (const char* url :
       {"", "broker:5672", "http://u:secret@broker", "amqp://u:secret@broker:99999/", "amqp://u:secret@broker:port/",
        "amqp://u:secret@broker/v?heartbeat=1", "amqp://u:secret@broker/a/b"}) {
    const auto address = parse_address(Secret(url));
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().code().name, "config.invalid");
    EXPECT_EQ(address.error().message().find("secret"), std::string::npos);
  }
}

TEST(RabbitSettings, FindNothingWrongWithASoundSection) { EXPECT_EQ(errors_of(section_with("amqp://broker")), ""); }

TEST(RabbitSettings, NameThePlaceOfWhatIsWrong) {
  Section sink = section_with("amqp://broker:port");
  sink.set("exchange", std::string(256, 'x'), "p.toml:3:12");
  const std::string errors = errors_of(sink);
  EXPECT_NE(errors.find("p.toml:2:7: url: "), std::string::npos) << errors;
  EXPECT_NE(errors.find("p.toml:3:12: exchange: "), std::string::npos) << errors;
}

TEST(RabbitSettings, WantReadableFilesForTls) {
  const tests::TemporaryFolder folder;
  Section sink = section_with("amqps://broker");
  sink.set("ca_file", folder.file("missing.pem"), "p.toml:4:1");
  EXPECT_NE(errors_of(sink).find("p.toml:4:1: ca_file: can't read"), std::string::npos);
}

TEST(RabbitSettings, RefuseTlsFilesForAPlainConnection) {
  Section sink = section_with("amqp://broker");
  sink.set("ca_file", std::string("/dev/null"), "p.toml:4:1");
  EXPECT_NE(errors_of(sink).find("amqps://"), std::string::npos);
}

TEST(RabbitSettings, WantCertificateAndKeyTogether) {
  Section sink = section_with("amqps://broker");
  sink.set("cert_file", std::string("/dev/null"), "p.toml:4:1");
  EXPECT_NE(errors_of(sink).find("belong together"), std::string::npos);
}

TEST(RabbitSettings, LetTheRouteStandOverTheSink) {
  Section route;
  EXPECT_EQ(templates_of(section_with("amqp://broker"), route).destination, "events");
  route.set("exchange", std::string("by.{category}"), "p.toml:9:1");
  route.set("routing_key", std::string("{key}"), "p.toml:10:1");
  const auto templates = templates_of(section_with("amqp://broker"), route);
  EXPECT_EQ(templates.destination, "by.{category}");
  EXPECT_EQ(templates.routing_key, "{key}");
}

}  // namespace
}  // namespace penstock::rabbitmq
