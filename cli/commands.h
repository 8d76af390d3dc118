// The commands of the program, one file each. Adding a command: its file, a line here, a line in
// program.cc.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/invocation.h"

namespace penstock::cli {

// Each adds its subcommand; `invocation` outlives the app, and the subcommand's callback sets its exit code.
void add_run(CLI::App& app, Invocation& invocation);
void add_validate(CLI::App& app, Invocation& invocation);
void add_doctor(CLI::App& app, Invocation& invocation);
void add_migrate(CLI::App& app, Invocation& invocation);
void add_append(CLI::App& app, Invocation& invocation);
void add_read(CLI::App& app, Invocation& invocation);
void add_streams(CLI::App& app, Invocation& invocation);
void add_gaps(CLI::App& app, Invocation& invocation);
void add_store(CLI::App& app, Invocation& invocation);
void add_sources(CLI::App& app, Invocation& invocation);
void add_types(CLI::App& app, Invocation& invocation);
void add_routes(CLI::App& app, Invocation& invocation);
void add_status(CLI::App& app, Invocation& invocation);
void add_parked(CLI::App& app, Invocation& invocation);
void add_config(CLI::App& app, Invocation& invocation);
void add_outbox(CLI::App& app, Invocation& invocation);
void add_demo(CLI::App& app, Invocation& invocation);
void add_version(CLI::App& app, Invocation& invocation);

// Of `penstock store`.
void add_store_drop(CLI::App& store, Invocation& invocation);
void add_store_export(CLI::App& store, Invocation& invocation);
void add_store_import(CLI::App& store, Invocation& invocation);

// -c, for commands that read the configuration.
void add_config_option(CLI::App& command, Invocation& invocation);
// -o and --color, for commands that print results; --color alone for others.
void add_output_options(CLI::App& command, Invocation& invocation);
void add_colour_option(CLI::App& command, Invocation& invocation);
// What an option that counts takes.
CLI::Validator whole_number();
CLI::Validator positive_number();
// The two examples at the end of a command's help.
void set_examples(CLI::App& command, const std::string& first, const std::string& second);

}  // namespace penstock::cli
