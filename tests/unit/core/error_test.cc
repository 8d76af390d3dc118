#include "core/error.h"

#include <gtest/gtest.h>

#include "core/secret.h"

namespace penstock {
namespace {

TEST(Error, DescribesItselfWithCodeAndHint) {
  const Error error = Error(codes::kStoreFenced, "writing the checkpoint").with_context("route a-to-b");
  EXPECT_EQ(error.describe(),
            "route a-to-b: writing the checkpoint [store.fenced] Another instance took over; nothing is to be done.");
  EXPECT_EQ(error.kind(), ErrorKind::kFenced);
}

TEST(ErrorCodes, AreFoundByName) {
  EXPECT_EQ(find_error_code("store.fenced"), &codes::kStoreFenced);
  EXPECT_EQ(find_error_code("store.unheard_of"), nullptr);
}

TEST(Secret, HidesPasswordsInUrlsAndKeywords) {
  EXPECT_EQ(without_password("postgresql://me:pw@host/db"), "postgresql://me:***@host/db");
  EXPECT_EQ(without_password("host=a password='p w' dbname=d"), "host=a password=*** dbname=d");
  EXPECT_EQ(without_password("amqp://host:5672/v"), "amqp://host:5672/v");
}

}  // namespace
}  // namespace penstock
