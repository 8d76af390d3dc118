#include "cli/program.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <span>
#include <system_error>

#include "cli/commands.h"
#include "cli/stop_signals.h"
#include "config/nearest.h"
#include "core/invariant.h"

namespace penstock::cli {
namespace {

using AddCommand = void (*)(CLI::App&, Invocation&);

constexpr AddCommand kCommands[] = {
    add_run,   add_validate, add_doctor,  add_migrate, add_append, add_read,   add_streams, add_store, add_gaps,
    add_types, add_routes,   add_sources, add_status,  add_parked, add_config, add_outbox,  add_demo,  add_version,
};

config::Environment environment_of(const char* const* entries) {
  config::Environment environment;
  for (; entries != nullptr && *entries != nullptr; ++entries) {
    const std::string_view entry(*entries);
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos) environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return environment;
}

template <typename T>
struct Word {
  std::string_view name;
  T value;
};

template <typename T>
CLI::Option* add_word_option(CLI::App& command, const char* flags, T& target, std::span<const Word<T>> words,
                             const char* help) {
  const auto set = [&target, words, flags](const std::string& given) {
    const auto found = std::ranges::find(words, given, &Word<T>::name);
    if (found == words.end()) throw CLI::ValidationError(flags, "unknown word \"" + given + "\"");
    target = found->value;
  };
  return command.add_option_function<std::string>(flags, set, help);
}

// "penstock routes"
std::string path_of(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
}

// The name that is no command, with the nearest one, or that one is missing; empty if all names are commands.
std::string unknown_command(const CLI::App& app, std::span<const char* const> words) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (commands.empty() || (!words.empty() && words.front()[0] == '-')) return {};
  const std::string_view word = words.empty() ? "" : words.front();
  std::vector<std::string_view> known;
  for (const CLI::App* command : commands) {
    if (command->get_name() == word) return unknown_command(*command, words.subspan(1));
    known.push_back(command->get_name());
  }
  const std::string expected = config::expectation(word, known);
  return words.empty() ? "`" + path_of(app) + "` needs a command " + expected
                       : "there is no command " + printable(word) + " " + expected;
}

// CLI11 has exit codes of its own; ours are 0 for help and 64 for a wrong call.
int report_parse(const CLI::App& app, const CLI::ParseError& error, std::span<const char* const> words) {
  const bool is_help = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
  if (const std::string unknown = unknown_command(app, words); !is_help && !unknown.empty()) {
    std::cerr << "penstock: " << unknown << '\n';
  } else {
    app.exit(error, std::cout, std::cerr);
  }
  std::cout.flush();
  return static_cast<int>(is_help ? ExitCode::kOk : ExitCode::kUsage);
}

// Asked of the pipe: by the time that a stream says it has failed, the reason may be gone.
bool has_reader_gone() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

// A reader that has gone (`penstock read … | head`) is no failure; a full disk is.
ExitCode exit_of_output(const Invocation& invocation) {
  invocation.out.flush();
  if (invocation.out.good() || has_reader_gone()) return invocation.exit;
  invocation.err << "penstock: standard output can't be written\n";
  return invocation.exit == ExitCode::kOk ? ExitCode::kIo : invocation.exit;
}

int run_command(int argc, const char* const* argv, Invocation& invocation) {
  CLI::App app("Relays committed events, in order, to Kafka and RabbitMQ, and keeps them in an event store.",
               "penstock");
  app.set_version_flag("--version", "penstock " PENSTOCK_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer(
      "\nThe configuration is read from -c FILE, from $PENSTOCK_CONFIG, or from ./penstock.toml.\n"
      "Exit codes: 0 ok, 1 negative answer, 64 usage, 65 bad data, 69 unavailable, 70 internal, 71 system,\n"
      "74 input or output, 75 try again, 77 not allowed, 78 configuration.");
  for (const AddCommand add : kCommands) add(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse(app, error, std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  }
  return static_cast<int>(exit_of_output(invocation));
}

constexpr std::size_t kMostDigits = 18;

bool has_only_digits(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char letter) { return letter >= '0' && letter <= '9'; });
}

bool is_whole(const std::string& text) { return has_only_digits(text) && text.size() <= kMostDigits; }

std::string no_number(const std::string& text, std::string_view expected) {
  if (has_only_digits(text) && text.size() > kMostDigits)
    return "\"" + printable(text) + "\" is too large (expected at most " + std::string(kMostDigits, '9') + ")";
  return "\"" + printable(text) + "\" is no number (expected a whole one, " + std::string(expected) + ")";
}

}  // namespace

void add_config_option(CLI::App& command, Invocation& invocation) {
  command.add_option("-c,--config", invocation.config_path, "Configuration file")->type_name("FILE");
}

void add_output_options(CLI::App& command, Invocation& invocation) {
  static constexpr Word<OutputFormat> kFormats[] = {
      {"table", OutputFormat::kTable}, {"json", OutputFormat::kJson}, {"jsonl", OutputFormat::kJsonLines}};
  add_word_option<OutputFormat>(command, "-o,--output", invocation.format, kFormats, "table, json or jsonl")
      ->type_name("FORMAT");
  add_colour_option(command, invocation);
}

void add_colour_option(CLI::App& command, Invocation& invocation) {
  static constexpr Word<Colour> kColours[] = {
      {"auto", Colour::kAuto}, {"always", Colour::kAlways}, {"never", Colour::kNever}};
  add_word_option<Colour>(command, "--color", invocation.colour, kColours, "auto, always or never")->type_name("WHEN");
}

CLI::Validator whole_number() {
  const auto objection = [](const std::string& text) { return is_whole(text) ? "" : no_number(text, "not negative"); };
  return {objection, ""};
}

CLI::Validator positive_number() {
  const auto objection = [](const std::string& text) {
    const bool is_one = is_whole(text) && text.find_first_not_of('0') != std::string::npos;
    return is_one ? "" : no_number(text, "at least 1");
  };
  return {objection, ""};
}

void set_examples(CLI::App& command, const std::string& first, const std::string& second) {
  command.footer("\nExamples:\n  " + first + "\n  " + second);
}

int run_program(int argc, const char* const* argv, const char* const* environment) {
  // Waits until `run` takes it, instead of ending the program before it is ready to drain.
  if (argc > 1 && std::string_view(argv[1]) == "run") hold_back_stop_signals();
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  Invocation invocation;
  invocation.environment = environment_of(environment);
  try {
    return run_command(argc, argv, invocation);
  } catch (const BrokenInvariant& defect) {
    invocation.fail(ExitCode::kInternal, std::string("an invariant is broken: ") + defect.what());
  } catch (const std::system_error& refusal) {
    invocation.fail(ExitCode::kSystem, std::string("the operating system refuses: ") + refusal.what());
  } catch (const std::exception& failure) {
    invocation.fail(ExitCode::kInternal, failure.what());
  }
  return static_cast<int>(invocation.exit);
}

}  // namespace penstock::cli
