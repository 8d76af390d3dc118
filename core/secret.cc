#include "core/secret.h"

#include <openssl/crypto.h>

#include <mutex>
#include <ostream>
#include <regex>

namespace penstock {

namespace {

// All of the memory: what was moved from, or was longer before, has no size that tells.
void wipe(std::string& text) {
  text.resize(text.capacity());
  OPENSSL_cleanse(text.data(), text.size());
}

}  // namespace

struct Secret::Origin {
  const Reader read;  // called under the mutex
  std::mutex mutex;
  Secret last;  // guarded by mutex
};

Secret::Secret(std::string text, Reader reader)
    : text_(std::move(text)), origin_(new Origin{std::move(reader), {}, Secret(text_)}) {}

Secret::Current Secret::current() const {
  if (!origin_) return {*this, {}};
  // Under the lock, or who read earlier could put an older text back.
  const std::lock_guard lock(origin_->mutex);
  auto text = origin_->read();
  if (!text) return {origin_->last, text.error()};
  origin_->last.text_.swap(*text);
  wipe(*text);
  return {origin_->last, {}};
}

Secret::~Secret() { wipe(text_); }

std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "***"; }

std::string without_password(std::string_view url) {
  // Up to the last @: a password that was pasted without percent-encoding may hold any of / ? # @ itself, and hiding
  // more than the password is the lesser evil.
  static const std::regex kInUserInfo(R"((://[^/?#@:]*):[\s\S]*@)");
  static const std::regex kAsKeyword(R"((password\s*=\s*)('(?:[^'\\]|\\[\s\S])*'?|[^\s&]*))", std::regex::icase);
  const std::string text = std::regex_replace(std::string(url), kAsKeyword, "$1***");
  return std::regex_replace(text, kInUserInfo, "$1:***@");
}

}  // namespace penstock
