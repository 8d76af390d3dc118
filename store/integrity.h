// What `penstock store check` finds: one statement about a store each, proved or not.
#pragma once

#include <string>

namespace penstock::store {

struct IntegrityCheck {
  std::string subject;  // what is claimed: "positions run from 1 to the head without a gap"
  enum class Verdict { kProved, kBroken } verdict;
  std::string words;  // figures, and of a broken one what to do
};

}  // namespace penstock::store
