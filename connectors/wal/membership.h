// How a table belongs to its publication, as the catalogue shows it at one moment, by what changes when the table
// leaves and comes back: two of them tell whether it was published all the time in between. Pure values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/wal/lsn.h"

namespace penstock::wal {

struct Membership {
  // What publishes the table: an entry of its own or of a root above it, one of its schema, or that all tables are.
  struct Entry {
    enum class Of { kTable = 't', kSchema = 's', kAllTables = 'a' } of = Of::kTable;
    std::string number;  // number.transaction: another one once it was taken out and put in again
    bool operator==(const Entry&) const = default;
  };
  std::string publication;  // another one once it was altered or made anew
  std::vector<Entry> entries;
  // number/transaction, and one of each root: another one once the table was made anew, renamed or attached to a root.
  std::string table;
  std::string since;  // the transaction that brought it into its schema, which mostly made it
  bool operator==(const Membership&) const = default;
};

// Whether the table was published all the time between `before` and `now`, or from its first row on.
bool stays_published(const Membership& before, const Membership& now);
// Of one that stays published: whether that holds only if the table of `now` took the name over from the one of
// `before` at once. A table that bore it in between, and was not published, leaves no trace in the two.
bool hangs_on_succession(const Membership& before, const Membership& now);

std::string oid_of_table(const Membership& membership);

// "t16403.731,s16404.730"
std::vector<Membership::Entry> parse_entries(std::string_view text);

// The table was published so at this place in the log.
struct PublishedAt {
  Lsn at;
  Membership membership;
  bool operator==(const PublishedAt&) const = default;
};

// What a source keeps of itself: how far it has settled, and the last look at the publication at which all was well.
struct OwnPosition {
  Progress progress;
  std::optional<PublishedAt> published;  // nullopt where messages are read
  bool operator==(const OwnPosition&) const = default;
};

// "16/B374D800 16/B374D848:3; published 16/B374D900 16401.731 t16403.731 16390 729". The part behind the semicolon may
// be missing.
std::string to_string(const OwnPosition& position);
std::optional<OwnPosition> parse_own_position(std::string_view text);

}  // namespace penstock::wal
