// What `penstock store check` finds: one statement about a store each, proved or not. A note says what is only on its
// way, or was cut off and can be gone on with: nothing is damaged.
#pragma once

#include <string>

namespace penstock::store {

struct IntegrityCheck {
  std::string subject;  // what is claimed: "positions run from 1 to the head without a gap"
  enum class Verdict { kProved, kNote, kBroken } verdict;
  std::string words;  // figures, and of a broken one what to do
};

}  // namespace penstock::store
