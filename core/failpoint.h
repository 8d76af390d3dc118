// Named crash points. A line with an effect that must survive a crash passes one before or after it:
//   pass_failpoint("relay.after_ack");
// `penstock` links the empty definition; `penstock-failpoints`, built from the same objects, links
// the armed one: PENSTOCK_FAILPOINT=name[:count] ends the process by SIGKILL at the count-th pass, and
// PENSTOCK_FAILPOINT=name@id at each pass for this event. With name:count:stop it only stops there, by
// SIGSTOP, until somebody sends SIGCONT: for what happens to others at that moment.
#pragma once

#include <string_view>

#include "core/ids.h"

namespace penstock {

void pass_failpoint(std::string_view name);
void pass_failpoint(std::string_view name, const EventId& event);

}  // namespace penstock
