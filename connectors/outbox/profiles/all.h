// Every profile, each in the file of its name.
#pragma once

#include "connectors/outbox/profiles.h"

namespace penstock::outbox {

extern const Profile kDebezium, kEventuate, kEventStoreRs, kFactcast, kGoharvest, kCap, kOpenOutbox, kModulith, kCustom;

}  // namespace penstock::outbox
