// JSON as text: checked, searched and escaped, never parsed and written again. The implementation is
// one of the few places that include nlohmann-json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event.h"

namespace penstock {

// Whether `text` is one JSON value (RFC 8259, UTF-8), however large its numbers; halves of characters are refused.
bool is_json(std::string_view text);
bool is_json_object(std::string_view text);
// Whether what has this content type is JSON, if it is what it says.
bool is_json_content(std::string_view content_type);

// Whether `text` is UTF-8 (RFC 3629) without NUL: what the databases can keep as text.
bool is_utf8_text(std::string_view text);
// Where the first byte stands that makes it something else.
std::optional<std::size_t> find_non_utf8(std::string_view text);

// The top-level member `name` of a JSON object as text: a string's own characters, any other value
// as it is written. nullopt when the member is missing, null, or `object` is no JSON object.
std::optional<std::string> find_member(std::string_view object, std::string_view name);

// Whether a JSON object has the top-level member `name`, also one that is null.
bool has_member(std::string_view object, std::string_view name);

// The strings of the top-level member `name` where that is an array; what else the array holds is left
// out. Of a member that stands twice the last one counts.
std::vector<std::string> find_texts(std::string_view object, std::string_view name);

// Appends `text` as a quoted JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
void append_base64(std::string& out, std::string_view bytes);
// With padding, as append_base64 writes it. nullopt for anything else.
std::optional<std::string> decode_base64(std::string_view text);

// The one JSON form of an event, on one line without the line feed: console, `read -o jsonl`,
// export. Positions are strings; line breaks inside JSON values become spaces; `data` is spliced in raw when the
// content type is JSON and the data parses, else `data_base64`; `data` is null when there is none. Absent position,
// version or recorded_at leave their member out.
void append_event_json(std::string& out, const Event& event);

}  // namespace penstock
