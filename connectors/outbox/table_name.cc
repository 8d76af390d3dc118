#include "connectors/outbox/table_name.h"

#include <algorithm>
#include <optional>

namespace penstock::outbox {
namespace {

constexpr std::size_t kLongestIdentifier = 63;  // Postgres cuts longer ones off without a word

bool is_bare(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c == '-';
}

// Takes one bare or quoted part from the front of `text`.
std::optional<std::string> take_part(std::string_view& text) {
  std::string part;
  if (!text.starts_with('"')) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_bare);
    part.assign(text.begin(), end);
    text.remove_prefix(part.size());
    return part;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '"') {
      part += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      part += text[i++];
    } else {
      text.remove_prefix(i + 1);
      return part;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string TableName::to_string() const { return schema.empty() ? name : schema + "." + name; }

std::string TableName::quoted() const {
  return schema.empty() ? quoted_identifier(name) : quoted_identifier(schema) + "." + quoted_identifier(name);
}

Result<TableName> parse_table_name(std::string_view text) {
  const auto refuse = [&] {
    return fail(codes::kConfigInvalid,
                "`" + std::string(text) + "` is no table name: expected `table` or `schema.table`");
  };
  std::string_view rest = text;
  auto first = take_part(rest);
  if (!first || !is_identifier(*first)) return refuse();
  if (rest.empty()) return TableName{"", *std::move(first)};
  if (!rest.starts_with('.')) return refuse();
  rest.remove_prefix(1);
  auto second = take_part(rest);
  if (!second || !is_identifier(*second) || !rest.empty()) return refuse();
  return TableName{*std::move(first), *std::move(second)};
}

bool is_identifier(std::string_view name) {
  return !name.empty() && name.size() <= kLongestIdentifier && std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

std::string quoted_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

}  // namespace penstock::outbox
