#include "tests/support/password_role.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

// The rule in tests/servers/postgres.py is for its members.
constexpr const char* kMakeGroup =
    "DO $$ BEGIN CREATE ROLE penstock_password NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;"
    " END $$";

const std::string& with_group(const std::string& url) {
  run_sql(url, kMakeGroup);
  return url;
}

std::string new_password() {
  std::string name = unique_name("pw");
  std::ranges::replace(name, '-', '_');
  return name;
}

std::string with_password(const std::string& url, const std::string& role, const std::string& password) {
  return url + "?user=" + role + "&password=" + password;
}

}  // namespace

PasswordRole::PasswordRole(const std::string& url, const std::string& options)
    : admin_url_(url),
      password_(new_password()),
      role_(with_group(url), "LOGIN IN ROLE penstock_password PASSWORD '" + password_ + "' " + options) {
  write();
}

PasswordRole::~PasswordRole() {
  try {
    end_sessions();
  } catch (const std::runtime_error& error) {
    ADD_FAILURE() << "sessions of " << name() << " go on: " << error.what();
  }
}

std::string PasswordRole::reason_missing() const {
  try {
    run_sql(with_password(admin_url_, name(), "wrong"), "SELECT 1");
  } catch (const std::runtime_error&) {
    return {};
  }
  return "the server asks nobody for a password";
}

Secret PasswordRole::url() const {
  return Secret(with_password(admin_url_, name(), file_->read()),
                [url = admin_url_, name = name(), file = file_]() -> tl::expected<std::string, std::string> {
                  return with_password(url, name, file->read());
                });
}

void PasswordRole::change() {
  password_ = new_password();
  role_.alter("PASSWORD '" + password_ + "'");
  end_sessions();
}

void PasswordRole::end_sessions() const {
  run_sql(admin_url_,
          "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE usename = '" + name() + "'");
}

void PasswordRole::write() {
  const std::lock_guard lock(file_->mutex);
  file_->password = password_;
}

std::string PasswordRole::File::read() {
  const std::lock_guard lock(mutex);
  return password;
}

}  // namespace penstock::tests
