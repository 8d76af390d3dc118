// What an operator chose for one wal source, typed and checked offline.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/outbox_settings.h"
#include "connectors/section.h"

namespace penstock::wal {

struct WalSettings {
  // How a row becomes an event, and of which table; without a table, how a message does.
  outbox::OutboxSettings rows;
  std::string slot;
  std::string publication;
  // Of pg_logical_emit_message; empty where a table is read.
  std::string message_prefix;
  enum class Create { kYes, kNo } create = Create::kYes;        // publication and slot, where they are missing
  enum class Settle { kKeep, kDelete } settle = Settle::kKeep;  // what becomes of settled rows
  enum class Gate { kNone, kUntilVisible } gate = Gate::kNone;  // what an event waits for, as it was asked for

  bool reads_messages() const { return !message_prefix.empty(); }
  // A row that others don't see yet can't be deleted.
  bool waits_until_visible() const { return gate == Gate::kUntilVisible || settle == Settle::kDelete; }
};

std::span<const connectors::FieldSpec> wal_fields();

// All that is wrong in the section, without looking at the database.
std::vector<connectors::SectionError> check_settings(const connectors::Section& section);

// Of a section that check_settings() found nothing wrong with; otherwise config.invalid.
Result<WalSettings> read_settings(const connectors::Section& section, std::string_view source_name,
                                  std::size_t event_bytes);

// Of slot and publication, where the operator names none.
std::string default_log_name(std::string_view source_name);

// What an operator runs where the program may not: the publication, always before the slot.
// kMapped: columns that the server generates are among what is mapped, and it can publish them (PostgreSQL 18).
enum class Generated { kNone, kMapped };
std::string create_publication_statement(const WalSettings& settings, Generated generated = Generated::kNone);
std::string create_slot_statement(const WalSettings& settings, int server_version);
// The same for a server that gives it `patience`: it waits for every transaction that runs.
std::string create_slot_patiently(const std::string& statement, std::chrono::milliseconds patience);
std::string drop_slot_statement(const WalSettings& settings);
std::string drop_publication_statement(const WalSettings& settings);

}  // namespace penstock::wal
