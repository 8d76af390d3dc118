// A role that has to give a password, on a server of `scripts/servers`; every other role is trusted there. One thread,
// but its secret is read by any.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/secret.h"
#include "tests/support/test_role.h"

namespace penstock::tests {

class PasswordRole {
 public:
  // `url`: of a superuser, in the database that the role is for; `options` as of CREATE ROLE. Throws
  // std::runtime_error.
  PasswordRole(const std::string& url, const std::string& options);
  ~PasswordRole();
  PasswordRole(const PasswordRole&) = delete;
  PasswordRole& operator=(const PasswordRole&) = delete;

  // Why tests of passwords mean nothing here; empty when they do.
  std::string reason_missing() const;

  const std::string& name() const { return role_.name(); }
  // Of the same database, with the password that is in the file.
  Secret url() const;

  // The server takes another password from now on; the file keeps the old one. Ends the role's sessions.
  void change();
  // The file has the password that the server takes.
  void write();

 private:
  struct File {
    std::mutex mutex;
    std::string password;  // guarded by mutex
    std::string read();
  };

  void end_sessions() const;

  const std::string admin_url_;
  std::string password_;
  const TestRole role_;
  const std::shared_ptr<File> file_ = std::make_shared<File>();
};

}  // namespace penstock::tests
