#include "store/postgres/schema.h"

#include <algorithm>

#include "core/json_text.h"
#include "store/postgres/session.h"

namespace penstock::store::postgres {
namespace {

constexpr std::size_t kNameBytes = 63;  // NAMEDATALEN - 1; longer names are cut by the server, silently

void replace_all(std::string& text, std::string_view word, std::string_view by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size()))
    text.replace(at, word.size(), by);
}

}  // namespace

Result<Schema> Schema::named(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return fail(codes::kConfigInvalid, "[store] schema: the name " + std::string(why));
  };
  if (name.empty()) return refuse("is empty");
  if (name.size() > kNameBytes) return refuse("has more than 63 bytes");
  if (name.starts_with("pg_")) return refuse("starts with pg_, which Postgres keeps for itself");
  // `$` would end the quotes around the bodies of functions, `@` is the mark of our own placeholders.
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '$' || c == '@' || c == 0x7f;
  });
  if (!plain || !is_utf8_text(name)) return refuse("has a control character, $ or @, or is not UTF-8");
  return Schema(name);
}

std::string Schema::expand(std::string_view sql) const {
  std::string text(sql);
  replace_all(text, "@schema@", quote_identifier(name_));
  replace_all(text, "@schema_text@", quote_literal(name_));
  return text;
}

}  // namespace penstock::store::postgres
