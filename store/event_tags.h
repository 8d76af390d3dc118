// Tags: what an event is about, besides its stream and its type. An append may ask that no event with
// certain tags came in between, and a reader may ask for them.
//
// An event carries its tags in its metadata, in the member `tags`, an array of strings:
//   {"tags": ["course:7", "student:12"], "tenant": "acme"}
// so every way an event comes in (the API, an outbox, the SQL functions, an import) can give it some,
// and they need no form of their own on the way out. A member `tags` that is no array, and what in
// it is no text, are metadata like any other. Every backend keeps an index over the tags.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::store {

inline constexpr std::string_view kTagsMember = "tags";
inline constexpr std::size_t kTagBytes = 255;  // of one tag
inline constexpr std::size_t kEventTags = 100;

// Each tag once, in byte order; empty strings are none.
std::vector<std::string> tags_of(std::string_view metadata);

}  // namespace penstock::store
