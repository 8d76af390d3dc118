// What a route does when a failover has lost events that it handed out, or acknowledged, already.
#pragma once

namespace penstock::connectors {

// Either way a gap record names them. kStop: nothing more is delivered until an operator has acknowledged it.
enum class OnLostTail { kStop, kContinue };

}  // namespace penstock::connectors
