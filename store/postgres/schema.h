// The schema that the tables live in, and how its name gets into SQL.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::store::postgres {

class Schema {
 public:
  // Error: config.invalid for a name that Postgres reserves or that can't be quoted everywhere.
  static Result<Schema> named(std::string_view name);

  const std::string& name() const { return name_; }
  // Puts the quoted name for @schema@ and the name as a literal for @schema_text@.
  std::string expand(std::string_view sql) const;

 private:
  explicit Schema(std::string_view name) : name_(name) {}
  std::string name_;
};

}  // namespace penstock::store::postgres
