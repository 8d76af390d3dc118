#include "connectors/wal/wal_session.h"

#include <utility>

#include "connectors/wal/wal_errors.h"

namespace penstock::wal {

using store::postgres::ServerFacts;
using store::postgres::Session;
using store::postgres::SessionSettings;

namespace {

std::string words_of(const ServerFacts& server) {
  return server.system_identifier + (server.role == ServerFacts::Role::kStandby
                                         ? ", a standby"
                                         : ", on timeline " + std::to_string(server.timeline));
}

}  // namespace

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

Result<std::unique_ptr<Session>> open_beside(const ServerFacts& server, const SessionSettings& settings,
                                             Deadline deadline, std::stop_token stop) {
  auto session = Session::open(for_replication(settings), deadline, std::move(stop));
  if (!session) return fail(std::move(session.error()).with_context("opening the replication session"));
  const ServerFacts& found = (*session)->server();
  if (found.system_identifier == server.system_identifier && found.timeline == server.timeline &&
      found.role == server.role)
    return session;
  return fail(codes::kWalUnavailable, "`url` leads to another server than a moment before: to " + words_of(found) +
                                          ", and before to " + words_of(server) +
                                          ", which was looked at; only one of them may be read");
}

}  // namespace penstock::wal
