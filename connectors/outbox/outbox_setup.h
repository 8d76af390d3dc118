// What an operator runs before a source can read a table: the table itself where there is none, what it
// lacks, and the least rights, as statements for Postgres.
#pragma once

#include <string>

#include "connectors/outbox/outbox_settings.h"

namespace penstock::outbox {

struct SetupWish {
  std::string table;  // as in the configuration; empty: as the profile calls it
  std::string role = "penstock";
  std::string policy;  // empty: the profile's
  std::string guard = "writers";
};

struct Setup {
  std::string role;      // CREATE ROLE, for a server that doesn't have it
  std::string table;     // CREATE TABLE, as the shape is known, in a schema that is made if it is missing
  std::string order;     // what is added to it: a number, an index, a side table; may be empty
  std::string existing;  // for a table that is there already: the columns that it lacks; may be empty
  std::string grants;    // to the role, and nothing more than it needs
  std::string settings;  // the [[source]] that goes with them
};

// Errors: config.invalid for a table, role or policy that is none, and for profile "custom", which has no
// shape.
Result<Setup> make_setup(const Profile& profile, const SetupWish& wish);

}  // namespace penstock::outbox
