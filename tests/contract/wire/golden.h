// Golden files: what goes over the wire, as text in tests/contract/wire/golden. A difference fails
// the test with both texts; PENSTOCK_TEST_UPDATE_GOLDEN=1 writes the new one, to be looked at in the diff.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event.h"

namespace penstock::tests {

void expect_golden(std::string_view file, const std::string& text);

// Bytes for a golden file: text as it is, in quotes with JSON's escapes; anything else as "hex …".
std::string readable(std::string_view bytes);

// The events that every native wire form is shown with.
struct GoldenEvent {
  std::string name;  // part of the file's name
  EventRef event;
};
std::vector<GoldenEvent> golden_events();

}  // namespace penstock::tests
