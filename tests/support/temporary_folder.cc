#include "tests/support/temporary_folder.h"

#include <stdexcept>

namespace penstock::tests {

TemporaryFolder::TemporaryFolder() {
  std::string shape = (std::filesystem::temp_directory_path() / "penstock-test-XXXXXX").string();
  if (mkdtemp(shape.data()) == nullptr) throw std::runtime_error("can't make a folder in the temporary directory");
  path_ = shape;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace penstock::tests
