// penstock migrate: brings the store's schema up to date.
#include <memory>

#include "cli/commands.h"
#include "cli/composition.h"
#include "cli/configuration.h"
#include "cli/json_writer.h"
#include "cli/spdlog_log.h"

namespace penstock::cli {
namespace {

struct MigrateOptions {
  bool plan = false, roles = false;
};

std::string number_text(int number) {
  std::string text = std::to_string(number);
  return std::string(text.size() < 4 ? 4 - text.size() : 0, '0') + text;
}

void print(const store::MigrationPlan& plan, std::string_view backend, bool with_sql, Invocation& invocation) {
  if (invocation.format != OutputFormat::kTable) {
    JsonArray pending;
    for (const store::Migration& migration : plan.pending) {
      JsonObject one;
      one.number("number", migration.number).text("name", migration.name);
      if (with_sql) one.text("sql", migration.sql);
      pending.add(std::move(one).finish());
    }
    JsonObject object;
    object.text("backend", backend).number("current", plan.current).raw("pending", std::move(pending).finish());
    invocation.out << std::move(object).finish() << '\n';
    return;
  }
  if (plan.pending.empty()) {
    invocation.out << "-- " << backend << ": the schema is up to date (" << number_text(plan.current) << ")\n";
    return;
  }
  for (const store::Migration& migration : plan.pending) {
    invocation.out << (with_sql ? "-- would run " : "-- ran ") << number_text(migration.number) << ' ' << migration.name
                   << '\n';
    if (with_sql) invocation.out << migration.sql << '\n';
  }
}

void migrate(const MigrateOptions& options, Invocation& invocation) {
  const auto settings = load_settings_of_store(invocation);
  if (!settings) return;
  const SystemClock clock;
  SpdlogLog log(clock, {.table = {LogLevel::kWarn, settings->log.format}});
  SystemRandom random;
  const auto store = make_store(*settings, make_instance_name(random), log);
  if (!store) return invocation.fail(store.error());
  if (options.roles) {
    const auto sql = (*store)->roles_sql();
    if (!sql) return invocation.fail(ExitCode::kNegative, "a store of this kind has no roles");
    invocation.out << *sql;
    return;
  }
  const auto plan = (*store)->plan_migration();
  if (!plan) return invocation.fail(plan.error());
  if (!options.plan) {
    if (const Status migrated = (*store)->migrate(); !migrated) return invocation.fail(migrated.error());
  }
  print(*plan, (*store)->backend(), options.plan, invocation);
}

}  // namespace

void add_migrate(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("migrate", "Bring the schema of the store up to date");
  auto options = std::make_shared<MigrateOptions>();
  command->add_flag("--plan", options->plan, "Print the statements that would run, and change nothing");
  command->add_flag("--roles", options->roles,
                    "Print the SQL that makes the roles owner, runtime, appender and reader");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock migrate --plan", "penstock migrate -c /etc/penstock/penstock.toml");
  command->callback([options, &invocation] { migrate(*options, invocation); });
}

}  // namespace penstock::cli
