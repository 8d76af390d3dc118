#include "tests/support/password_role.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

// The rule in tests/servers/postgres.py is for its members.
constexpr const char* kMakeGroup =
    "DO $$ BEGIN CREATE ROLE penstock_password NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;"
    " END $$";

std::string new_password() {
  std::string name = unique_name("pw");
  std::ranges::replace(name, '-', '_');
  return name;
}

std::string with_password(const std::string& url, const std::string& role, const std::string& password) {
  return url + "?user=" + role + "&password=" + password;
}

}  // namespace

PasswordRole::PasswordRole(std::string url, const std::string& options)
    : admin_url_(std::move(url)), name_("role_" + new_password()), password_(new_password()) {
  write();
  run_sql(admin_url_, kMakeGroup);
  run_sql(admin_url_,
          "CREATE ROLE " + name_ + " LOGIN IN ROLE penstock_password PASSWORD '" + password_ + "' " + options);
}

PasswordRole::~PasswordRole() {
  try {
    run_sql(admin_url_,
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE usename = '" + name_ + "'");
    run_sql(admin_url_, "DROP OWNED BY " + name_ + "; DROP ROLE " + name_);
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "%s stays behind: %s\n", name_.c_str(), error.what());
  }
}

std::string PasswordRole::reason_missing() const {
  try {
    run_sql(with_password(admin_url_, name_, "wrong"), "SELECT 1");
  } catch (const std::runtime_error&) {
    return {};
  }
  return "the server asks nobody for a password";
}

Secret PasswordRole::url() const {
  return Secret(with_password(admin_url_, name_, file_->read()),
                [url = admin_url_, name = name_, file = file_]() -> tl::expected<std::string, std::string> {
                  return with_password(url, name, file->read());
                });
}

void PasswordRole::change() {
  password_ = new_password();
  run_sql(admin_url_, "ALTER ROLE " + name_ + " PASSWORD '" + password_ + "'");
  run_sql(admin_url_,
          "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE usename = '" + name_ + "'");
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
