// A wait for nothing but time, which a stop ends.
#pragma once

#include <stop_token>

#include "core/clock.h"

namespace penstock {

void rest(Duration duration, const std::stop_token& stop);

}  // namespace penstock
