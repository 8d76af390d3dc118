#include "config/field_values.h"

#include <algorithm>
#include <charconv>

#include "config/nearest.h"
#include "config/size_text.h"
#include "config/toml_text.h"
#include "core/invariant.h"
#include "core/listen_address.h"

namespace penstock::config {
namespace {

std::string joined(std::span<const std::string_view> words) {
  std::string text;
  for (const auto word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::string limit_text(const FieldSpec& field, std::int64_t number) {
  return field.type == FieldType::kBytes ? format_size(number) : std::to_string(number);
}

}  // namespace

std::string expected_by(const FieldSpec& field) {
  switch (field.type) {
    case FieldType::kText:
    case FieldType::kSecret:
    case FieldType::kUrl: return R"(a string, { env = "NAME" } or { file = "path" })";
    case FieldType::kListen: return R"(an address and a port such as "127.0.0.1:26543")";
    case FieldType::kWord: return "one of " + joined(field.words);
    case FieldType::kWordOrNumber: return "one of " + joined(field.words) + " or a number";
    case FieldType::kInteger: return "an integer";
    case FieldType::kBytes: return R"(a size such as "16MiB", or a number of bytes)";
    case FieldType::kBoolean: return "true or false";
    case FieldType::kTextList: return "a list of strings";
    case FieldType::kTextTable: return R"(a table of strings: name = "text")";
    case FieldType::kScalarTable: return "a table of strings, numbers and booleans";
    case FieldType::kColumns:
      return R"(a table of column names: id = "column", id = { const = "text" } or id = { column = "column", pointer = "/a" })";
    case FieldType::kTable: return "a table";
  }
  return "another value";
}

FieldResult text_value(const FieldSpec& field, std::string text) {
  switch (field.type) {
    case FieldType::kText: {
      std::string shown = toml_quoted(text);
      return FieldValue{std::move(text), std::move(shown)};
    }
    case FieldType::kSecret: return FieldValue{Secret(std::move(text)), R"("***")"};
    case FieldType::kUrl: {
      std::string shown = toml_quoted(without_password(text));
      return FieldValue{Secret(std::move(text)), std::move(shown)};
    }
    case FieldType::kListen: {
      if (auto address = parse_listen_address(text); !address) return tl::unexpected(std::move(address.error()));
      std::string shown = toml_quoted(text);
      return FieldValue{std::move(text), std::move(shown)};
    }
    case FieldType::kWord:
    case FieldType::kWordOrNumber: {
      if (std::ranges::find(field.words, text) == field.words.end()) {
        return tl::unexpected("unknown word \"" + text + "\" " + expectation(text, field.words));
      }
      std::string shown = toml_quoted(text);
      return FieldValue{std::move(text), std::move(shown)};
    }
    case FieldType::kBytes:
      if (const auto size = parse_size(text)) return number_value(field, *size);
      return tl::unexpected("no size: \"" + text + "\" (expected a number of bytes, or one with B, KiB, MiB or GiB)");
    default: return tl::unexpected("wrong type: a string (expected " + expected_by(field) + ")");
  }
}

FieldResult number_value(const FieldSpec& field, std::int64_t number) {
  const bool takes =
      field.type == FieldType::kInteger || field.type == FieldType::kBytes || field.type == FieldType::kWordOrNumber;
  if (!takes) return tl::unexpected("wrong type: an integer (expected " + expected_by(field) + ")");
  if (number < field.minimum) {
    return tl::unexpected("too small: " + std::to_string(number) + " (expected at least " +
                          limit_text(field, field.minimum) + ")");
  }
  if (number > field.maximum) {
    return tl::unexpected("too large: " + std::to_string(number) + " (expected at most " +
                          limit_text(field, field.maximum) + ")");
  }
  std::string shown = std::to_string(number);
  if (field.type == FieldType::kWordOrNumber) return FieldValue{shown, shown};
  if (field.type == FieldType::kBytes && format_size(number) != shown) shown = toml_quoted(format_size(number));
  return FieldValue{number, std::move(shown)};
}

FieldResult value_from_text(const FieldSpec& field, std::string_view text) {
  const bool is_number = field.type == FieldType::kInteger || field.type == FieldType::kWordOrNumber;
  if (is_number) {
    if (const auto number = parse_number(text)) return number_value(field, *number);
  }
  if (field.type == FieldType::kBoolean) {
    if (text == "true" || text == "false") return FieldValue{text == "true", std::string(text)};
  }
  if (field.type == FieldType::kInteger || field.type == FieldType::kBoolean) {
    return tl::unexpected("wrong value: \"" + std::string(text) + "\" (expected " + expected_by(field) + ")");
  }
  return text_value(field, std::string(text));
}

std::optional<FieldValue> default_value(const FieldSpec& field) {
  std::string_view text = field.default_text;
  if (text.empty() || field.type == FieldType::kTable) return std::nullopt;
  const bool in_quotes = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  if (in_quotes) text = text.substr(1, text.size() - 2);
  if (field.type == FieldType::kTextList || field.type == FieldType::kTextTable ||
      field.type == FieldType::kScalarTable || field.type == FieldType::kColumns) {
    return std::nullopt;  // an absent list or table reads as an empty one; the text is for people
  }
  auto value = value_from_text(field, text);
  INVARIANT(value.has_value(), "a declared default fits its declared type");
  return std::move(*value);
}

bool is_secret_name(std::string_view name) {
  std::string folded(name);
  std::ranges::transform(folded, folded.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view kMarks[] = {
      "password",   "secret",   "token", "credential",         "jaas",
      "passphrase", "ssl.key.", ".pem",  "oauthbearer.config", "oauthbearer.extensions",
      "kinit.cmd"};
  return std::ranges::any_of(kMarks, [&](std::string_view mark) { return folded.find(mark) != std::string::npos; });
}

}  // namespace penstock::config
