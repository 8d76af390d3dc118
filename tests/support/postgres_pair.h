// A primary and its asynchronous standby, apart from the server that other tests share: one of them is killed for good.
//
// Made by `scripts/servers`, which also ends what a run that died has left. One at a time; needs
// ServerControl::available(). Everything throws std::runtime_error when it fails.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::tests {

class PostgresPair {
 public:
  // Both run, the standby follows, and both have the empty database `app`.
  PostgresPair();
  ~PostgresPair();
  PostgresPair(const PostgresPair&) = delete;
  PostgresPair& operator=(const PostgresPair&) = delete;

  // Of `app`: on whichever of the two is the primary, as libpq finds it.
  const std::string& url() const { return url_; }
  const std::string& primary_url() const { return primary_; }
  const std::string& standby_url() const { return standby_; }
  std::uint16_t standby_port() const;
  // See run_sql, on url().
  std::string value(const std::string& sql) const;

  // The standby has everything that the primary has committed until now.
  void await_standby() const;
  // Nothing that is written from now on gets to the standby.
  void cut() const;
  // The primary is killed and the standby promoted.
  void fail_over() const;
  // The former primary runs again, and still takes itself for one.
  void revive_primary() const;

 private:
  std::string primary_, standby_, url_;
};

}  // namespace penstock::tests
