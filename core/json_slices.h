// JSON text taken apart without being changed: what a value is made of stays a piece of the text, byte for
// byte. The text is proved to be JSON (RFC 8259, UTF-8) on the way, what is wrong with it has a place, and
// nothing is allocated a member: for files of many lines. json_members.h says more of a single object.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace penstock {

struct JsonSlice {
  std::string_view name;   // between its quotes, as it is written
  std::string_view value;  // without the white space around it
};

// What is wrong with a text, and at which byte.
struct JsonFault {
  std::size_t at;
  std::string_view words;
};

// As deep as a line of a file may be nested.
inline constexpr std::size_t kDeepestLine = 10'000;

// Fills `slices` with the members of the object that `text` is, in their order; what it held before is gone.
// nullopt when all is well. Only white space may stand around the object. Deeper than `deepest` is a fault; the text's
// own size is no bound.
std::optional<JsonFault> slice_object(std::string_view text, std::vector<JsonSlice>& slices,
                                      std::size_t deepest = kDeepestLine);

// Whether `text` is one JSON value, with white space around it or without, and however large its numbers are.
// kHalfCharacters: by the grammar it is one, but an escape in it is half of a pair, which no character has.
enum class JsonProof { kNone, kJson, kHalfCharacters };
JsonProof prove_json(std::string_view text);

// Whether `text` is one JSON value on one line, with no white space around it: then it can stand in the
// middle of a line of JSON and be found again as it was.
bool is_json_on_one_line(std::string_view text);

}  // namespace penstock
