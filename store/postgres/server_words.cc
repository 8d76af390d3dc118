#include "store/postgres/server_words.h"

#include "store/postgres/sql_condition.h"

namespace penstock::store::postgres {
namespace {

// Who chose the words.
enum class Author { kServer, kServerOfData, kFunction };

Author author_of(const ServerError& error) {
  const std::string_view sql_class = std::string_view(error.sqlstate).substr(0, 2);
  if (sql_class == "PS") return Author::kServer;  // our own functions
  if (sql_class == "P0" || sql_class == "38" || sql_class == "39" || error.source_function == "exec_stmt_raise")
    return Author::kFunction;
  // A statement that a function puts together of data is quoted where it is wrong.
  if (sql_class == "42" && error.sqlstate != "42501" && !error.inner_query.empty()) return Author::kFunction;
  return classify(error.sqlstate) == SqlCondition::kData ? Author::kServerOfData : Author::kServer;
}

// "shop.audit" of "PL/pgSQL function shop.audit() line 3 at RAISE". Other lines may hold a statement with its data.
std::string_view function_in(std::string_view context) {
  constexpr std::string_view kBefore = "PL/pgSQL function ";
  if (!context.starts_with(kBefore)) return {};
  context = context.substr(kBefore.size(), context.find('\n') - kBefore.size());
  const auto end = context.find('(');
  return end == std::string_view::npos ? std::string_view() : context.substr(0, end);
}

}  // namespace

std::string words_of(const ServerError& error) {
  const Author author = author_of(error);
  if (author == Author::kServer) return on_one_line(error.primary) + " (" + error.sqlstate + ")";
  std::string text =
      author == Author::kFunction ? "the server refused the statement (" : "the server refused the data (";
  text += error.sqlstate;
  if (author == Author::kServerOfData && !error.column.empty()) text += ", column " + error.column;
  if (author == Author::kServerOfData && !error.constraint.empty()) text += ", constraint " + error.constraint;
  if (const auto function = function_in(error.context); !function.empty())
    text.append(", function ").append(on_one_line(function));
  return text + "); its log has the words";
}

std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '\t') {
      if (!line.empty() && line.back() != ' ') line += ' ';
    } else {
      line += c;
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace penstock::store::postgres
