// One table of the configuration file, checked against what its kind declares.
//
// A connector declares its keys as FieldSpecs; config/ parses the file against them, so that unknown
// keys, wrong types and missing ones are found with their place before the connector sees anything.
// The connector then reads typed values out of the Section. No TOML type gets here.
//
// A key that is absent reads as its declared default where it has one, else as an empty value.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/secret.h"

namespace penstock {

enum class FieldType {
  kText,          // a string or a reference { env = … } / { file = … }
  kSecret,        // the same, never shown
  kUrl,           // the same, shown without its password
  kListen,        // where to listen: core/listen_address.h; read as text
  kWord,          // one of `words`
  kWordOrNumber,  // one of `words` or a number, read as text
  kInteger,
  kBytes,  // a size: 1048576 or "1MiB"
  kBoolean,
  kTextList,
  kTextTable,    // name = "text"
  kScalarTable,  // name = text, number or boolean, passed through as text (librdkafka's properties)
  kColumns,      // name = "column", { const = "text" } or { column = "column", pointer = "/a/0", default = "text" }
  kTable,        // keys of its own, in `members`; read as "table.key"
};

struct FieldSpec {
  enum class Presence { kRequired, kOptional };
  std::string_view name;
  FieldType type;
  Presence presence = Presence::kOptional;
  std::string_view default_text = {};  // as it would stand in the file; empty = none
  std::string_view help = {};          // one sentence, for `config init` and the reference
  std::span<const std::string_view> words = {};
  // Smallest and largest number of kInteger, kBytes and kWordOrNumber.
  std::int64_t minimum = 0;
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();
  std::span<const FieldSpec> members = {};
};

// A column of a source's table, a value inside of a JSON column, or a constant in their place.
struct ColumnOrConstant {
  enum class Is { kColumn, kConstant, kPointer } is = Is::kColumn;
  std::string text;                          // the column's name, or the constant
  std::string pointer = {};                  // of kPointer, see core/json_pointer.h
  std::optional<std::string> fallback = {};  // of kPointer: where nothing, or null, is found
};

// Where a value stands, for errors that a connector finds: "penstock.toml:12:9".
using Place = std::string;

class Section {
 public:
  using Value = std::variant<std::string, Secret, std::int64_t, bool, std::vector<std::string>,
                             std::map<std::string, std::string>, std::map<std::string, ColumnOrConstant>>;

  void set(std::string name, Value value, Place place);
  // What an absent key reads as; a value that was set stays.
  void set_default(std::string name, Value value);
  // Of a member of a table value: "options.linger.ms".
  void set_member_place(std::string member, Place place);
  void set_header_place(Place place) { header_place_ = std::move(place); }

  // Whether the operator gave the key; a default doesn't count.
  bool has(std::string_view name) const;
  // Each returns the value or, for a key that is absent, an empty one. The type must be the declared
  // one: anything else is a defect.
  const std::string& text(std::string_view name) const;
  const Secret& secret(std::string_view name) const;                 // kSecret and kUrl
  std::optional<std::int64_t> integer(std::string_view name) const;  // kInteger and kBytes
  std::optional<bool> boolean(std::string_view name) const;
  const std::vector<std::string>& text_list(std::string_view name) const;
  const std::map<std::string, std::string>& text_table(std::string_view name) const;
  const std::map<std::string, ColumnOrConstant>& columns(std::string_view name) const;

  // Of the key or member, or of the table's header line when it is missing.
  const Place& place(std::string_view name) const;

 private:
  struct Entry {
    Value value;
    Place place;
    enum class From { kOperator, kDefault } from;
  };
  template <typename T>
  const T* find(std::string_view name) const;

  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, Place, std::less<>> member_places_;
  Place header_place_;
};

// Something wrong in a section, found by a connector.
struct SectionError {
  Place place;
  std::string message;
};

}  // namespace penstock
