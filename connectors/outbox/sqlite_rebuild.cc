#include "connectors/outbox/sqlite_rebuild.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

namespace penstock::outbox {
namespace {

constexpr std::string_view kNumber = " INTEGER PRIMARY KEY AUTOINCREMENT", kKey = "PRIMARY KEY";

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// What stands in the parentheses of a CREATE TABLE, and behind them: empty where a comment stands before.
std::string_view declarations_in(std::string_view statement) {
  constexpr std::string_view kCreate = "CREATE TABLE ";
  if (!statement.starts_with(kCreate)) return {};
  statement.remove_prefix(kCreate.size());
  if (statement.empty()) return {};
  const char quote = statement.front() == '[' ? ']' : statement.front();
  const bool is_quoted = quote == '"' || quote == '`' || quote == '\'' || quote == ']';
  std::size_t end = is_quoted ? 1 : 0;
  if (is_quoted) {
    while (end < statement.size() && (statement[end] != quote || statement.substr(end + 1).starts_with(quote)))
      end += statement[end] == quote ? 2 : 1;
    ++end;
  } else {
    while (end < statement.size() && statement[end] != '(' && !is_blank(statement[end])) ++end;
  }
  while (end < statement.size() && is_blank(statement[end])) ++end;
  return end < statement.size() && statement[end] == '(' ? statement.substr(end + 1) : std::string_view();
}

// The same with the number. A key that is of other columns becomes a unique constraint.
std::optional<std::string> declarations_with(const SqliteColumns& table, const std::string& order) {
  std::string text(declarations_in(table.statement));
  const std::string words = upper(text);
  const bool is_there = !table.rowid_column.empty();
  const bool has_key = std::ranges::any_of(table.columns, &SqliteColumns::Column::in_primary_key);
  const std::size_t key = words.find(kKey);
  const bool is_clear =
      has_key ? key != std::string::npos && words.find(kKey, key + 1) == std::string::npos : key == std::string::npos;
  if (text.empty() || !is_clear || !table.has_rowid || (is_there && table.rowid_column != order)) return std::nullopt;
  if (has_key) {
    const std::size_t behind = words.find_first_not_of(" \t\n\r", key + kKey.size());
    const bool is_plain = behind != std::string::npos && (words[behind] == ',' || words[behind] == ')');
    if (is_there && !is_plain) return std::nullopt;
    if (is_there)
      text.insert(key + kKey.size(), " AUTOINCREMENT");
    else if (table.is_referenced_by_key || words.substr(behind).starts_with("ASC") ||
             words.substr(behind).starts_with("DESC"))
      return std::nullopt;
    else
      text.replace(key, kKey.size(), "UNIQUE");
  }
  return is_there ? text : quoted_identifier(order) + std::string(kNumber) + ", " + text;
}

}  // namespace

std::string rebuild_statement(const SqliteColumns& table, const TableName& name, const std::string& order) {
  const auto declarations = declarations_with(table, order);
  if (!declarations)
    return "make table " + quoted_identifier(name.name) + " anew with " + quoted_identifier(order) +
           std::string(kNumber) + ", as https://sqlite.org/lang_altertable.html#otheralter says, and with it its " +
           "indexes and triggers";
  const std::string old_one = quoted_identifier(name.name), new_one = quoted_identifier(name.name + "_new");
  std::string copied;
  for (const SqliteColumns::Column& column : table.columns)
    if (!column.is_generated) copied += (copied.empty() ? "" : ", ") + quoted_identifier(column.name);
  // Others go on naming the table by its name; a key that leads to it is not followed when it is dropped.
  std::string text = "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; BEGIN IMMEDIATE; CREATE TABLE " +
                     new_one + " (" + *declarations + "; INSERT INTO " + new_one + " (" + copied + ") SELECT " +
                     copied + " FROM " + old_one + " ORDER BY rowid; DROP TABLE " + old_one + "; ALTER TABLE " +
                     new_one + " RENAME TO " + old_one + "; ";
  for (const std::string& statement : table.belongings) text += statement + "; ";
  return text + "COMMIT; PRAGMA legacy_alter_table = OFF;";
}

}  // namespace penstock::outbox
