#include "connectors/wal/source_switch.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

outbox::OutboxSettings polled_settings() {
  outbox::OutboxSettings settings;
  settings.source_name = "late-orders";
  settings.table = {"shop", "outbox"};
  settings.order_by = "seq";
  settings.policy = outbox::DeleteRows{};
  settings.columns = outbox::columns_of(*outbox::find_profile("debezium"));
  return settings;
}

WalSettings log_settings() { return *settings_from_log(polled_settings(), "", ""); }

WalDatabase database_with(std::optional<PublicationState> publication, std::optional<SlotState> slot) {
  WalDatabase database;
  database.database = "shop";
  database.wal_level = "logical";
  database.may_replicate = true;
  database.publication = publication;
  database.slot = std::move(slot);
  return database;
}

const PublicationState kPublished{.publishes_inserts = true, .via_root = true, .has_table = true, .is_ours = true};
SlotState slot_with(const std::string& status) { return {"pgoutput", "logical", "shop", status, Lsn{0x10}}; }

std::string words_of(const Result<std::vector<SwitchStep>>& steps) {
  if (!steps) return std::string(steps.error().code().name);
  std::string text;
  for (const SwitchStep& step : *steps) text.append(text.empty() ? "" : "; ").append(step.words);
  return text;
}

// PostgreSQL 18 publishes what it generates where it is told to, and leaves it out otherwise.
TEST(PublicationFix, TellsTheServerToPublishWhatItGenerates) {
  WalDatabase database = database_with({}, {});
  database.generated = Generated::kMapped;
  EXPECT_EQ(publication_fix(database, log_settings()),
            "CREATE PUBLICATION \"penstock_late_orders\" FOR TABLE \"shop\".\"outbox\" WITH (publish = 'insert',"
            " publish_via_partition_root = true, publish_generated_columns = stored);");
  database.publication = kPublished;
  database.publication->missing_columns = "payload";
  EXPECT_EQ(publication_fix(database, log_settings()).substr(0, 6), "BEGIN;") << "a column list";
  database.publication->missing = PublicationState::Missing::kGenerated;
  EXPECT_EQ(publication_fix(database, log_settings()),
            "ALTER PUBLICATION \"penstock_late_orders\" SET (publish_generated_columns = stored);");
}

std::string to_log(const WalDatabase& database) { return words_of(steps_to_log(database, log_settings(), 150'000)); }
std::string to_polling(const WalDatabase& database) { return words_of(steps_to_polling(database, log_settings())); }

TEST(SourceSwitch, MakesThePublicationBeforeTheSlot) {
  EXPECT_EQ(to_log(database_with({}, {})), "create publication penstock_late_orders; create slot penstock_late_orders");
  EXPECT_EQ(to_log(database_with(kPublished, {})), "create slot penstock_late_orders");
  EXPECT_EQ(to_log(database_with(kPublished, slot_with("reserved"))), "");
  PublicationState without_table = kPublished;
  without_table.has_table = false;
  EXPECT_EQ(to_log(database_with(without_table, slot_with("reserved"))), "alter publication penstock_late_orders");
}

// Pitfall "publication created after slot".
TEST(SourceSwitch, MakesASlotAnewThatCouldNotBeRead) {
  const std::string anew =
      "drop slot penstock_late_orders; create publication penstock_late_orders; "
      "create slot penstock_late_orders";
  EXPECT_EQ(to_log(database_with({}, slot_with("reserved"))), anew);
  EXPECT_EQ(to_log(database_with(kPublished, slot_with("lost"))),
            "drop slot penstock_late_orders; create slot penstock_late_orders");
  WalDatabase read = database_with({}, slot_with("reserved"));
  read.slot_is_active = true;
  EXPECT_EQ(to_log(read), "wal.slot_in_use");
}

TEST(SourceSwitch, TouchesNoSlotOfAnotherKind) {
  SlotState other = slot_with("reserved");
  other.plugin = "wal2json";
  EXPECT_EQ(to_log(database_with(kPublished, other)), "wal.refused");
  EXPECT_EQ(to_polling(database_with(kPublished, other)), "wal.refused");
}

TEST(SourceSwitch, NamesWhatTheServerLacksForTheLog) {
  WalDatabase database = database_with({}, {});
  database.wal_level = "replica";
  EXPECT_EQ(to_log(database), "wal.not_logical");
  database = database_with({}, {});
  database.may_replicate = false;
  EXPECT_EQ(to_log(database), "wal.unauthorized");
}

TEST(SourceSwitch, DropsOnlyAPublicationThatItMade) {
  EXPECT_EQ(to_polling(database_with({}, {})), "");
  EXPECT_EQ(to_polling(database_with(kPublished, slot_with("lost"))),
            "drop slot penstock_late_orders; drop publication penstock_late_orders");
  PublicationState of_others = kPublished;
  of_others.is_ours = false;
  EXPECT_EQ(to_polling(database_with(of_others, {})), "");
  WalSettings other_name = log_settings();
  other_name.publication = "shared";
  EXPECT_EQ(words_of(steps_to_polling(database_with(kPublished, {}), other_name)), "");
  WalSettings not_made = log_settings();
  not_made.create = WalSettings::Create::kNo;
  EXPECT_EQ(words_of(steps_to_polling(database_with(kPublished, {}), not_made)), "");
}

TEST(SourceSwitch, RefusesASourceThatKeepsItsRows) {
  const auto refused = [](const outbox::OutboxSettings& settings) {
    const auto made = settings_from_log(settings, "", "");
    return made ? "" : std::string(made.error().code().name);
  };
  EXPECT_EQ(refused(polled_settings()), "");
  outbox::OutboxSettings settings = polled_settings();
  settings.policy = outbox::KeepRows{};
  EXPECT_EQ(refused(settings), "config.invalid");
  settings = polled_settings();
  settings.backend = outbox::Backend::kSqlite;
  EXPECT_EQ(refused(settings), "config.invalid");
  settings = polled_settings();
  settings.columns.erase(outbox::Role::kId);
  EXPECT_EQ(refused(settings), "config.invalid");
}

TEST(SourceSwitch, RefusesToPollWhatLeftNoRowsOrKeptThem) {
  const auto refused = [](const WalSettings& settings) {
    const auto polled = settings_polled(settings);
    return polled ? "" : std::string(polled.error().code().name);
  };
  EXPECT_EQ(refused(log_settings()), "");
  WalSettings settings = log_settings();
  settings.settle = WalSettings::Settle::kKeep;
  EXPECT_EQ(refused(settings), "config.invalid");
  settings = log_settings();
  settings.message_prefix = "shop";
  EXPECT_EQ(refused(settings), "config.invalid");
  settings = log_settings();
  settings.rows.order_by.clear();
  EXPECT_EQ(refused(settings), "config.invalid");
}

}  // namespace
}  // namespace penstock::wal
