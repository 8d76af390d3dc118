// Text that must not be seen: prints as ***, is read only by a loudly named call, and is wiped when
// it goes. One that came out of a file can be read there again, because passwords are rotated.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace penstock {

class Secret {
 public:
  // Gives the text as it is now, or says why it can't; called from any thread.
  using Reader = std::function<tl::expected<std::string, std::string>()>;
  struct Current;

  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(std::string text, Reader reader);
  Secret(const Secret&) = default;
  Secret(Secret&&) noexcept = default;
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&&) noexcept = default;
  ~Secret();

  // For the call that needs it, never for a message. Always the text of the start, so secrets can be told apart by it.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

  // For each connect: the text where it came from, now. All copies of a secret know what was read last. Blocks for as
  // long as a file takes. Thread-safe.
  Current current() const;

 private:
  struct Origin;

  std::string text_;
  std::shared_ptr<Origin> origin_;  // null: there is nothing to read again
};

struct Secret::Current {
  Secret secret;
  std::string fault;  // why it could not be read again, and is what it was; empty: it could, or never can
};

std::ostream& operator<<(std::ostream& out, const Secret&);

// A URL or a libpq connection string with its password replaced by ***, for messages and status.
std::string without_password(std::string_view url);

}  // namespace penstock
