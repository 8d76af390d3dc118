#include "core/json_text.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "core/json_pointer.h"
#include "core/json_slices.h"
#include "core/text_runs.h"

namespace penstock {
namespace {

using nlohmann::json;

bool is_named(const JsonSlice& member, std::string_view name) {
  if (member.name == name) return true;
  // The quotes around the name belong to the same text.
  return member.name.find('\\') != std::string_view::npos &&
         text_of_json({member.name.data() - 1, member.name.size() + 2}) == name;
}

// The value of a top-level member as it is written; of several with one name the last counts.
std::optional<std::string_view> slice_of(std::string_view object, std::string_view name) {
  if (object == "{}") return std::nullopt;
  std::vector<JsonSlice> members;
  if (slice_object(object, members, object.size())) return std::nullopt;
  const auto last =
      std::find_if(members.rbegin(), members.rend(), [&](const JsonSlice& member) { return is_named(member, name); });
  return last == members.rend() ? std::nullopt : std::optional(last->value);
}

void append_member_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  out.append("\"").append(name).append("\":");
}

void append_text_member(std::string& out, std::string_view name, std::string_view text) {
  append_member_name(out, name);
  append_json_string(out, text);
}

// A line break in JSON text can only be white space between tokens.
void append_json_on_one_line(std::string& out, std::string_view json_text) {
  const auto start = out.size();
  out.append(json_text);
  for (const char line_break : {'\n', '\r'})
    for (auto at = out.find(line_break, start); at != std::string::npos; at = out.find(line_break, at)) out[at] = ' ';
}

}  // namespace

bool is_json_content(std::string_view content_type) {
  const auto media = content_type.substr(0, content_type.find(';'));
  return media == "application/json" || media.ends_with("+json");
}

bool is_json(std::string_view text) { return prove_json(text) == JsonProof::kJson; }

bool is_json_object(std::string_view text) {
  if (text == "{}") return true;
  const auto start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{' && is_json(text);
}

bool is_utf8_text(std::string_view text) { return !find_non_utf8(text); }

std::optional<std::size_t> find_non_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = text[i] == '\0' ? 0 : utf8_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

std::optional<std::string> find_member(std::string_view object, std::string_view name) {
  const auto value = slice_of(object, name);
  if (!value) return std::nullopt;
  if (value->front() != '{' && value->front() != '[') return text_of_json(*value);
  const json tree = json::parse(value->begin(), value->end(), nullptr, false);
  return tree.is_discarded() ? std::string(*value) : tree.dump();
}

bool has_member(std::string_view object, std::string_view name) { return slice_of(object, name).has_value(); }

std::vector<std::string> find_texts(std::string_view object, std::string_view name) {
  const auto value = slice_of(object, name);
  if (!value || value->front() != '[') return {};
  std::vector<std::string> texts;
  json list = json::parse(value->begin(), value->end(), nullptr, false);
  if (!list.is_array()) return {};
  for (json& item : list)
    if (item.is_string()) texts.push_back(std::move(item.get_ref<std::string&>()));
  return texts;
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHexDigits[] = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0;;) {
    const std::size_t special = find_special(text, i);
    out.append(text.substr(i, special - i));
    i = special;
    if (i == text.size()) break;
    const char c = text[i];
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      ++i;
    } else if (code < 0x20) {
      out.append("\\u00").append(1, kHexDigits[code >> 4]).append(1, kHexDigits[code & 0x0f]);
      ++i;
    } else if (const std::size_t length = utf8_length(text, i); length > 0) {
      out.append(text.substr(i, length));
      i += length;
    } else {
      out.append("\xef\xbf\xbd");
      ++i;
    }
  }
  out += '"';
}

void append_base64(std::string& out, std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += kDigits[group >> 18];
    out += kDigits[group >> 12 & 63];
    out += i + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kDigits[group & 63] : '=';
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  const auto value_of = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i >= text.size() - padding;
    const int value = is_padding ? 0 : value_of(text[i]);
    if (value < 0) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes += static_cast<char>(group >> shift & 0xff);
    group = 0;
  }
  for (std::size_t i = 0; i < padding; ++i) {
    if (bytes.back() != '\0') return std::nullopt;  // bits that no encoder leaves behind
    bytes.pop_back();
  }
  return bytes;
}

void append_event_json(std::string& out, const Event& event) {
  out += '{';
  if (event.position) append_text_member(out, "position", std::to_string(event.position->value));
  append_text_member(out, "id", event.id.to_string());
  append_text_member(out, "stream", event.stream);
  append_text_member(out, "category", event.category);
  if (event.version) {
    append_member_name(out, "version");
    out += std::to_string(event.version->value);
  }
  append_text_member(out, "type", event.type);
  if (event.occurred_at) append_text_member(out, "occurred_at", format_timestamp(*event.occurred_at));
  if (event.recorded_at) append_text_member(out, "recorded_at", format_timestamp(*event.recorded_at));
  append_text_member(out, "content_type", event.content_type);
  append_member_name(out, "metadata");
  append_json_on_one_line(out, event.metadata);
  if (!event.data) {
    append_member_name(out, "data");
    out += "null";
  } else if (is_json_content(event.content_type) && is_json(*event.data)) {
    append_member_name(out, "data");
    append_json_on_one_line(out, *event.data);
  } else {
    append_member_name(out, "data_base64");
    out += '"';
    append_base64(out, *event.data);
    out += '"';
  }
  out += '}';
}

}  // namespace penstock
