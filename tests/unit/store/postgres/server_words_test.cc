#include "store/postgres/server_words.h"

#include <gtest/gtest.h>

namespace penstock::store::postgres {
namespace {

constexpr const char* kInFunction = "PL/pgSQL function shop.audit(integer) line 3 at RAISE\nSQL statement \"secret\"";

TEST(ServerWords, AreTheServersWhereItChoseThem) {
  EXPECT_EQ(words_of({"42P01", "relation \"shop.outbox\"\ndoes not exist", "", "", "", "parserOpenTable", ""}),
            "relation \"shop.outbox\" does not exist (42P01)");
  EXPECT_EQ(words_of({"42501", "permission denied for table audit", "", "", "", "aclcheck_error", "INSERT INTO audit"}),
            "permission denied for table audit (42501)")
      << "which a trigger may not, and no data";
}

TEST(ServerWords, AreOursWhereOurFunctionsChoseThem) {
  EXPECT_EQ(words_of({"PS002", "stream \"a\" is tombstoned", "", "", kInFunction, "exec_stmt_raise", ""}),
            "stream \"a\" is tombstoned (PS002)");
}

TEST(ServerWords, KeepBackWhatQuotesData) {
  EXPECT_EQ(words_of({"23514", "secret", "total", "positive", "", "ExecConstraints", ""}),
            "the server refused the data (23514, column total, constraint positive); its log has the words");
}

TEST(ServerWords, KeepBackWhatAFunctionSays) {
  const std::string kept_back = ", function shop.audit); its log has the words";
  for (const char* sqlstate : {"P0001", "P0004", "42501", "23514", "ZZ123"})
    EXPECT_EQ(words_of({sqlstate, "secret", "secret", "secret", kInFunction, "exec_stmt_raise", ""}),
              "the server refused the statement (" + std::string(sqlstate) + kept_back);
  EXPECT_EQ(words_of({"38000", "secret", "", "", "PL/Perl function \"audit\"", "plperl_call_perl_func", ""}),
            "the server refused the statement (38000); its log has the words");
}

TEST(ServerWords, KeepBackAStatementThatAFunctionMadeOfData) {
  EXPECT_EQ(words_of({"42601", "syntax error at or near \"secret\"", "", "",
                      "PL/pgSQL function shop.audit() line 3 at EXECUTE", "scanner_yyerror", "INSERT INTO secret"}),
            "the server refused the statement (42601, function shop.audit); its log has the words");
}

TEST(ServerWords, NameNoFunctionOutOfAStatement) {
  EXPECT_EQ(words_of({"22P02", "secret", "", "", "SQL statement \"x\nPL/pgSQL function secret()\"", "", ""}),
            "the server refused the data (22P02); its log has the words");
}

}  // namespace
}  // namespace penstock::store::postgres
