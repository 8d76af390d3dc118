#include "connectors/wal/wal_session.h"

#include <utility>

#include "connectors/wal/wal_errors.h"

namespace penstock::wal {

using store::postgres::SessionSettings;

SessionSettings session_settings_of(const WalSettings& settings, std::string application_name) {
  SessionSettings wanted;
  wanted.url = settings.rows.url;
  wanted.application_name = std::move(application_name);
  wanted.code_of = code_of_postgres;
  wanted.texts = SessionSettings::Texts::kAsStored;
  return wanted;
}

SessionSettings for_replication(SessionSettings settings) {
  settings.kind = SessionSettings::Kind::kReplication;
  return settings;
}

}  // namespace penstock::wal
