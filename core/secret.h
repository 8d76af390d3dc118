// Text that must not be seen: prints as ***, is read only by a loudly named call, and is wiped when
// it goes.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace penstock {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) noexcept = default;
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&&) noexcept = default;
  ~Secret();

  // For the call that needs it (a connect), never for a message.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

std::ostream& operator<<(std::ostream& out, const Secret&);

// A URL or a libpq connection string with its password replaced by ***, for messages and status.
std::string without_password(std::string_view url);

}  // namespace penstock
