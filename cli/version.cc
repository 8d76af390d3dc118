// penstock version: which program this is.
#include "cli/commands.h"
#include "cli/json_writer.h"

namespace penstock::cli {
namespace {

#if defined(__clang__)
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

void print_version(Invocation& invocation) {
  if (invocation.format == OutputFormat::kTable) {
    invocation.out << "penstock " << PENSTOCK_VERSION << '\n';
    return;
  }
  JsonObject object;
  object.text("name", "penstock").text("version", PENSTOCK_VERSION).text("compiler", kCompiler);
  invocation.out << std::move(object).finish() << '\n';
}

}  // namespace

void add_version(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  add_output_options(*command, invocation);
  set_examples(*command, "penstock version", "penstock version -o json");
  command->callback([&invocation] { print_version(invocation); });
}

}  // namespace penstock::cli
