#include "core/error.h"

#include <gtest/gtest.h>

#include "core/secret.h"

namespace penstock {
namespace {

TEST(Error, DescribesItselfWithCodeAndHint) {
  const Error error = Error(codes::kStoreFenced, "writing the checkpoint").with_context("route a-to-b");
  EXPECT_EQ(error.describe(),
            "route a-to-b: writing the checkpoint [store.fenced] Another instance took over, or the store was promoted "
            "or restored; the program goes on by itself, and a client sends the same events again.");
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
  EXPECT_EQ(without_password("postgresql://h/db?sslpassword=x&user=me"), "postgresql://h/db?sslpassword=***&user=me");
}

TEST(Secret, HidesPasswordsThatWereNotEncoded) {
  EXPECT_EQ(without_password("postgresql://me:se/c@r%et@host:5432/db"), "postgresql://me:***@host:5432/db");
  EXPECT_EQ(without_password("amqp://me:a?b#c:d@host/v"), "amqp://me:***@host/v");
  EXPECT_EQ(without_password("postgresql://me:p/q@host/db?password=r@s"), "postgresql://me:***@host/db?password=***");
  EXPECT_EQ(without_password("host=a password='never closed dbname=d"), "host=a password=***");
  EXPECT_EQ(without_password("password='a\\'b' host=h"), "password=*** host=h");
}

}  // namespace
}  // namespace penstock
