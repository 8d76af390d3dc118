#include "core/listen_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock {
namespace {

std::string parsed(std::string_view text) {
  const auto address = parse_listen_address(text);
  return address ? to_string(*address) : address.error();
}

TEST(ListenAddress, IsANumericAddressAndAPort) {
  for (const std::string text : {"127.0.0.1:26543", "0.0.0.0:0", "[::1]:65535", "[::]:26543"})
    EXPECT_EQ(parsed(text), text);
}

TEST(ListenAddress, TakesLocalhostForLoopback) { EXPECT_EQ(parsed("localhost:9"), "127.0.0.1:9"); }

TEST(ListenAddress, RefusesEverythingElseWithAnExample) {
  for (const std::string_view text :
       {"", ":", ":26543", "26543", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
        "127.0.0.1: 1", "127.0.0.1:1x", "::1:26543", "[::1]", "[]:1", "[127.0.0.1]:1", "[::1%lo]:1", "256.0.0.1:1",
        "example.org:26543", "http://127.0.0.1:26543"})
    EXPECT_THAT(parsed(text), testing::EndsWith(R"((expected "127.0.0.1:26543", "[::1]:26543" or "0.0.0.0:26543"))"))
        << text;
  EXPECT_THAT(parsed(std::string_view("127.0.0.1\0x:1", 13)), testing::StartsWith("no numeric address"));
}

TEST(ListenAddress, KnowsWhatOnlyThisMachineReaches) {
  for (const std::string_view text : {"127.0.0.1:1", "127.8.9.1:1", "localhost:1", "[::1]:1", "[::ffff:127.0.0.1]:1"})
    EXPECT_TRUE(is_loopback(*parse_listen_address(text))) << text;
  for (const std::string_view text : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1"})
    EXPECT_FALSE(is_loopback(*parse_listen_address(text))) << text;
}

}  // namespace
}  // namespace penstock
