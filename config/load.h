// From a file, the environment and the command line to typed settings, or to all that is wrong.
//
// Order of precedence: the command line (overrides), PENSTOCK_SECTION__KEY, DATABASE_URL for the
// store's url, the file, defaults. A file with a syntax error yields that one error; otherwise every
// error of the file is reported at once, each as file:line:column.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/declarations.h"
#include "config/problem.h"
#include "config/references.h"
#include "config/settings.h"

namespace penstock::config {

// A value from the command line for a key of a global table: "log.level".
struct Override {
  std::string key;
  std::string text;
  std::string origin;  // "--log-level"
};

// What a { env = … } or { file = … } without a value means. A file is checked offline also where its
// secrets are not at hand, for instance before it is rolled out.
enum class MissingReference { kError, kWarning };

struct LoadRequest {
  std::string path;  // as it is named in messages
  Environment environment;
  std::vector<Override> overrides;
  MissingReference missing_reference = MissingReference::kError;
};

struct Loaded {
  std::optional<Settings> settings;  // empty if there is an error among the problems
  std::vector<Problem> problems;
};

// Reads and checks the file.
Loaded load_file(const LoadRequest& request, const Declarations& declarations);
// The same for text that was read already.
Loaded load_text(std::string_view text, const LoadRequest& request, const Declarations& declarations);

}  // namespace penstock::config
