// penstock outbox init: what a database is to be given before its outbox can be read.
#include "cli/commands.h"
#include "cli/json_writer.h"
#include "config/nearest.h"
#include "connectors/outbox/outbox_setup.h"

namespace penstock::cli {
namespace {

struct InitOptions {
  std::string profile = "debezium";
  outbox::SetupWish wish;
};

std::vector<std::string_view> profile_names() {
  std::vector<std::string_view> names;
  for (const outbox::Profile* profile : outbox::profiles()) names.push_back(profile->name);
  return names;
}

constexpr std::string_view kRewrites =
    "-- (on a table in use: each ADD COLUMN rewrites it under ACCESS EXCLUSIVE, and nobody reads or writes it "
    "meanwhile;\n"
    "-- an index is made without that by CREATE INDEX CONCURRENTLY)\n";

void print_comment(std::string_view text, std::ostream& out) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out << "--   " << text.substr(0, end) << '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void print(const outbox::Profile& profile, const outbox::Setup& setup, Invocation& invocation) {
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.text("profile", profile.name).text("role", setup.role).text("table", setup.table);
    object.text("additions", setup.order);
    object.text("for_existing_table", setup.existing).text("grants", setup.grants).text("source", setup.settings);
    invocation.out << std::move(object).finish() << '\n';
    return;
  }
  invocation.out << "-- " << profile.title << ": the table, where there is none yet\n" << setup.table << "\n\n";
  if (!setup.existing.empty()) {
    invocation.out << "-- a table that is there already lacks:\n" << kRewrites;
    print_comment(setup.existing, invocation.out);
    invocation.out << '\n';
  }
  if (!setup.order.empty()) invocation.out << "-- what Penstock needs beside it\n" << kRewrites << setup.order << '\n';
  invocation.out
      << "-- no more than Penstock's role needs; the role has to be there, with a password by \\password or a line in "
         "pg_hba.conf:\n";
  print_comment(setup.role, invocation.out);
  invocation.out << setup.grants << "\n\n-- in penstock.toml:\n";
  print_comment(setup.settings, invocation.out);
}

void init(const InitOptions& options, Invocation& invocation) {
  const outbox::Profile* profile = outbox::find_profile(options.profile);
  if (profile == nullptr)
    return invocation.fail(ExitCode::kUsage, "there is no profile " + options.profile + " " +
                                                 config::expectation(options.profile, profile_names()));
  const auto setup = outbox::make_setup(*profile, options.wish);
  if (!setup) return invocation.fail(ExitCode::kUsage, setup.error().message());
  print(*profile, *setup, invocation);
}

}  // namespace

void add_outbox(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("outbox", "Outbox tables of services");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand("init", "Print a table, its index and the least rights, for Postgres");
  auto options = std::make_shared<InitOptions>();
  command->add_option("--profile", options->profile, "Whose shape it is")->capture_default_str();
  command->add_option("--table", options->wish.table, "schema.table; default: as the profile's own program calls it");
  command->add_option("--role", options->wish.role, "Role that reads it")->capture_default_str();
  command->add_option("--policy", options->wish.policy, "delete, mark, cursor or track; default: the profile's");
  command->add_option("--guard", options->wish.guard, "Of policy cursor: writers or xid")->capture_default_str();
  add_output_options(*command, invocation);
  set_examples(*command, "penstock outbox init --profile debezium --table shop.outbox | psql shop",
               "penstock outbox init --profile factcast --role relay -o json");
  command->callback([options, &invocation] { init(*options, invocation); });
}

}  // namespace penstock::cli
