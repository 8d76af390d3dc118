// A role of the test server's own for one test; dropped at the end with all that it was granted in the database. The
// database outlives it. Throws std::runtime_error with the server's words.
#pragma once

#include <string>
#include <string_view>

#include "core/secret.h"

namespace penstock::tests {

class TestRole {
 public:
  // `url`: of the test's database, as superuser. `options` as CREATE ROLE takes them.
  explicit TestRole(std::string url, std::string_view options = "LOGIN");
  ~TestRole();
  TestRole(const TestRole&) = delete;
  TestRole& operator=(const TestRole&) = delete;

  const std::string& name() const { return name_; }
  Secret url() const;  // of the database, as this role
  // "USAGE ON SCHEMA shop"
  void grant(std::string_view right) const;
  void alter(std::string_view options) const;

 private:
  const std::string database_, name_;
};

}  // namespace penstock::tests
