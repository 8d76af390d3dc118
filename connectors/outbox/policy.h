// What becomes of a settled row, and with it which rows are still to be read: the one choice that every
// statement of a source follows. Values, and their check without a database.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "connectors/section.h"

namespace penstock::outbox {

enum class Backend { kPostgres, kSqlite };

// It is deleted.
struct DeleteRows {};

// It stays, and a column of its own says that it is settled. Whatever doesn't say so is read.
struct MarkRows {
  std::string column;
  // What the column is given. nullopt: the time of settling, and a row is read while it has none.
  std::optional<std::string> value;
};

using Policy = std::variant<DeleteRows, MarkRows>;

// The word in `policy =`.
std::string_view to_string(const Policy& policy);

// The column that says whether a row is settled; null when the policy has none.
const std::string* settled_column(const Policy& policy);

// What is wrong with `policy` and the keys that belong to one, appended. `backend` is empty where `url`
// names none.
void check_policy(const connectors::Section& section, std::optional<Backend> backend,
                  std::vector<connectors::SectionError>& errors);

// Of a section that check_policy() found nothing wrong with.
Policy read_policy(const connectors::Section& section);

}  // namespace penstock::outbox
