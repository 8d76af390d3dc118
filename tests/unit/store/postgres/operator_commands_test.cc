#include <gtest/gtest.h>

#include "store/postgres/session.h"

namespace penstock::store::postgres {
namespace {

TEST(OperatorCommands, ConnectAsTheProgramWouldAndHoldNoPassword) {
  const Secret url("postgresql://app:s3cret@db.example:5433/shop?password=other");
  EXPECT_EQ(psql_command(url), "psql -h db.example -p 5433 -U app -d shop");
  EXPECT_EQ(createdb_command(url), "createdb -h db.example -p 5433 -U app shop");
  EXPECT_EQ(psql_command(Secret("host=/run/postgresql dbname=shop")), "psql -h '/run/postgresql' -d shop");
}

TEST(OperatorCommands, AreSafeInAShell) {
  EXPECT_EQ(createdb_command(Secret("host=h dbname='a$(b) \\'c'")), "createdb -h h 'a$(b) '\\''c'");
}

TEST(OperatorCommands, KnowWhatLibpqCanRead) {
  EXPECT_TRUE(is_connection_text(Secret("postgresql://u:p%2Fw@h/d")));
  EXPECT_TRUE(is_connection_text(Secret("host=h dbname=d")));
  EXPECT_FALSE(is_connection_text(Secret("postgresql://u:p/w@h:5432%zz/d")));
  EXPECT_FALSE(is_connection_text(Secret("host=h password='never closed")));
  EXPECT_TRUE(is_connection_text(Secret("postgresql://u:p%40w@h:5432,h2:5433/d")));
  EXPECT_TRUE(is_connection_text(Secret("postgresql://u@/d?host=/run/postgresql")));
  EXPECT_FALSE(is_connection_text(Secret("postgresql://u:p@w@h/d")));
  EXPECT_FALSE(is_connection_text(Secret("postgresql://u:123/4@h/d")));
  EXPECT_TRUE(is_connection_text(Secret("postgresql://u:p@h/d?application_name=a@b")));
  EXPECT_TRUE(is_connection_text(Secret("host=h dbname=d password=1/2@3")));
  EXPECT_FALSE(is_connection_text(Secret("postgresql://u@h:5432:word/d")));
}

}  // namespace
}  // namespace penstock::store::postgres
