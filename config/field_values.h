// Values of declared keys from plain text (an environment variable, a flag, a declared default), and
// the rules of a type that do not depend on where the value was written.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/section.h"

namespace penstock::config {

struct FieldValue {
  Section::Value value;
  std::string shown;  // as TOML, masked
};

// What a field takes, for messages: "an integer", "one of text, json".
std::string expected_by(const FieldSpec& field);

// The error is the end of a message: "too small: 0 (expected at least 1)".
using FieldResult = tl::expected<FieldValue, std::string>;
FieldResult text_value(const FieldSpec& field, std::string text);
FieldResult number_value(const FieldSpec& field, std::int64_t number);

// From text whose type is only known by the field; lists and tables can't be given so.
FieldResult value_from_text(const FieldSpec& field, std::string_view text);
// The declared default; nullopt where there is none. A default that doesn't fit is a defect.
std::optional<FieldValue> default_value(const FieldSpec& field);

// Whether a member of a table of scalars must be masked by its name: "sasl.password".
bool is_secret_name(std::string_view name);

}  // namespace penstock::config
