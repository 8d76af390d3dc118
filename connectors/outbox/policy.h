// What becomes of a settled row, and with it which rows are still to be read: the one choice that every
// statement of a source follows. Values, and their check without a database.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "connectors/outbox/profiles.h"
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

// It stays as it is: the store remembers up to where everything is settled.
struct KeepRows {
  // What keeps a row with a lower number that commits late from being passed.
  enum class Guard {
    kWriters,   // Postgres: the low mark, see low_mark.h
    kXid,       // Postgres: rows below the snapshot's xmin only, in the order of (xid, number)
    kOneWriter  // SQLite: numbers appear in their order
  } guard = Guard::kWriters;
  std::string xid_column;  // of guard kXid: an xid8 that the writer's transaction leaves
};

// It stays as it is, and its id goes into a table beside it. Whatever has no id there is read.
struct TrackRows {};

using Policy = std::variant<DeleteRows, MarkRows, KeepRows, TrackRows>;

// The word in `policy =`.
std::string_view to_string(const Policy& policy);

// The column that says whether a row is settled; null when the policy has none.
const std::string* settled_column(const Policy& policy);

// The column of guard kXid; null without that guard.
const std::string* xid_column(const Policy& policy);

// Whether it is safe only for who sees which numbers the sequence of the order column has given.
bool looks_at_sequence(const Policy& policy);

// The word that counts: the operator's, else the profile's.
std::string_view policy_word(const connectors::Section& section, const Profile& profile);

// What is wrong with `policy` and the keys that belong to one, appended. `backend` is empty where `url`
// names none.
void check_policy(const connectors::Section& section, const Profile& profile, std::optional<Backend> backend,
                  std::vector<connectors::SectionError>& errors);

// Of a section that check_policy() found nothing wrong with.
Policy read_policy(const connectors::Section& section, const Profile& profile, Backend backend);

}  // namespace penstock::outbox
