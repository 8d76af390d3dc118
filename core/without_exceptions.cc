#include "core/without_exceptions.h"

namespace penstock {

Error unforeseen(std::string_view part, const std::exception& defect) {
  return Error(codes::kInternal, std::string(part) + " failed in an unforeseen way: " + defect.what());
}

}  // namespace penstock
