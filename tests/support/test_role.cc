#include "tests/support/test_role.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

// Without a sign that a name in SQL needs quotes for.
std::string role_name() {
  std::string name = unique_name("penstock_test_role");
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace

TestRole::TestRole(std::string url, std::string_view options) : database_(std::move(url)), name_(role_name()) {
  run_sql(database_, "CREATE ROLE " + name_ + " " + std::string(options));
}

TestRole::~TestRole() {
  try {
    run_sql(database_, "DROP OWNED BY " + name_ + "; DROP ROLE " + name_);
  } catch (const std::runtime_error& error) {
    ADD_FAILURE() << "dropping " << name_ << ": " << error.what();
  }
}

Secret TestRole::url() const {
  return Secret(database_ + (database_.find('?') == std::string::npos ? "?" : "&") + "user=" + name_);
}

void TestRole::grant(std::string_view right) const {
  run_sql(database_, "GRANT " + std::string(right) + " TO " + name_);
}

void TestRole::alter(std::string_view options) const {
  run_sql(database_, "ALTER ROLE " + name_ + " " + std::string(options));
}

}  // namespace penstock::tests
