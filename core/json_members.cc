#include "core/json_members.h"

#include "core/json_pointer.h"
#include "core/json_slices.h"
#include "core/json_text.h"

namespace penstock {
namespace {

JsonMember::Is kind_of(char begin) {
  switch (begin) {
    case '"': return JsonMember::Is::kString;
    case '{': return JsonMember::Is::kObject;
    case '[': return JsonMember::Is::kArray;
    case 't':
    case 'f': return JsonMember::Is::kBoolean;
    case 'n': return JsonMember::Is::kNull;
    default: return JsonMember::Is::kNumber;
  }
}

}  // namespace

std::optional<std::vector<JsonMember>> json_members(std::string_view object) {
  if (!is_json_object(object)) return std::nullopt;
  std::vector<JsonSlice> slices;
  if (slice_object(object, slices, object.size())) return std::nullopt;
  std::vector<JsonMember> members;
  members.reserve(slices.size());
  for (const JsonSlice& slice : slices) {
    JsonMember& member = members.emplace_back();
    // The quotes around the name belong to the same text; its escapes were proved with the object.
    member.name = *text_of_json({slice.name.data() - 1, slice.name.size() + 2});
    member.text = slice.value;
    member.is = kind_of(member.text.front());
  }
  return members;
}

std::string json_string(const JsonMember& member) { return *text_of_json(member.text); }

}  // namespace penstock
