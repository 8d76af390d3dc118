#include "connectors/outbox/connection_fix.h"

#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

std::string fix_of(const ErrorCode& code, const std::string& words) {
  return connection_fix(Error(code, words), Secret("postgresql://app:secret@db:5433/shop"));
}

TEST(ConnectionFix, FollowsTheServersWords) {
  const ErrorCode& refused = codes::kOutboxUnauthorized;
  EXPECT_EQ(fix_of(codes::kOutboxDatabaseMissing, "FATAL: database \"shop\" does not exist (3D000)"),
            "createdb -h db -p 5433 -U app shop");
  EXPECT_EQ(fix_of(refused, "FATAL: role \"app\" does not exist (28000)"),
            "CREATE ROLE \"app\" LOGIN; or correct the user in `url`");
  EXPECT_EQ(fix_of(refused, "FATAL: role \"app\" is not permitted to log in (28000)"), "ALTER ROLE \"app\" LOGIN;");
  EXPECT_EQ(fix_of(refused, "FATAL: password authentication failed for user \"app\" (28P01)"),
            "Correct user and password in `url`; to try them: psql -h db -p 5433 -U app -d shop");
  EXPECT_TRUE(fix_of(refused, "FATAL: no pg_hba.conf entry for host \"10.0.0.9\", no SSL encryption (28000)")
                  .starts_with("Add a line"));
  EXPECT_TRUE(fix_of(codes::kOutboxUnavailable, "server does not support SSL, but SSL was required")
                  .starts_with("Make sslmode"));
  EXPECT_TRUE(fix_of(codes::kOutboxUnavailable, "SSL error: certificate verify failed").starts_with("Make sslmode"));
  EXPECT_EQ(fix_of(codes::kOutboxUnavailable, "the server is reached through a pooler such as PgBouncer, where …"),
            "Name the server itself in `url`, with its own port.");
}

TEST(ConnectionFix, StandsBehindTheErrorOfARefusedRole) {
  const Secret url("postgresql://app:secret@db:5433/shop");
  const auto words = [&](const ErrorCode& code, const std::string& said) {
    return with_connection_fix(Error(code, said), url).message();
  };
  const ErrorCode& refused = codes::kOutboxUnauthorized;
  EXPECT_EQ(words(refused, "role \"app\" is not permitted to log in (28000)"),
            "role \"app\" is not permitted to log in (28000): ALTER ROLE \"app\" LOGIN;");
  EXPECT_EQ(words(codes::kWalUnauthorized, "password authentication failed (28P01)"),
            "password authentication failed (28P01): Correct user and password in `url`; to try them: psql -h db -p "
            "5433 -U app -d shop");
  EXPECT_EQ(words(refused, "Rolle »app« existiert nicht (28000)"), "Rolle »app« existiert nicht (28000)");
  EXPECT_EQ(words(codes::kOutboxUnavailable, "SSL error"), "SSL error") << "its hint fits";
}

TEST(ConnectionFix, IsTheSameByHandWhereTheWordsTellNothing) {
  EXPECT_EQ(fix_of(codes::kOutboxUnavailable, "could not translate host name"), "psql -h db -p 5433 -U app -d shop");
  EXPECT_EQ(fix_of(codes::kOutboxUnavailable, "Rolle »app« existiert nicht (28000)"),
            "psql -h db -p 5433 -U app -d shop");
}

}  // namespace
}  // namespace penstock::outbox
