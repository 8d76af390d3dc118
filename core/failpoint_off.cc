#include "core/failpoint.h"

namespace penstock {

void pass_failpoint(std::string_view) {}
void pass_failpoint(std::string_view, const EventId&) {}

}  // namespace penstock
