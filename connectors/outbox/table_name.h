// The name of a table as an operator writes it: `outbox`, `shop.outbox`, `"My Schema"."Outbox"`.
//
// Names are taken exactly as they are written, upper and lower case too, and only ever reach a
// statement quoted. SQL's folding to lower case is not repeated here.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::outbox {

struct TableName {
  std::string schema;  // empty = none was written
  std::string name;

  // "shop.outbox", for messages.
  std::string to_string() const;
  // "shop"."outbox", for statements.
  std::string quoted() const;
};

// Error: config.invalid, for text that is no name of one or two parts.
Result<TableName> parse_table_name(std::string_view text);

// Whether a column, a channel or a part of a table name can be one: 1 to 63 bytes without NUL and
// control characters.
bool is_identifier(std::string_view name);

// Standard SQL quoting, the same for both databases.
std::string quoted_identifier(std::string_view name);

}  // namespace penstock::outbox
