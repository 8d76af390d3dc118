#include "cli/invocation.h"

namespace penstock::cli {

Palette Invocation::palette(int descriptor) const {
  const auto no_color = environment.find("NO_COLOR");
  return palette_for(descriptor, colour, no_color == environment.end() ? std::string_view() : no_color->second);
}

void Invocation::fail(const Error& error) { fail(exit_code_of(error), error.describe()); }

void Invocation::fail(ExitCode code, std::string_view message) {
  out.flush();
  err << "penstock: " << message << '\n';
  exit = code;
}

}  // namespace penstock::cli
