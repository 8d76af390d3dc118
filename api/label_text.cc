#include "api/label_text.h"

#include "core/text_runs.h"

namespace penstock::api {

std::string label_text(std::string_view text) {
  std::string label;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    const auto code = static_cast<unsigned char>(text[at]);
    const bool is_shown = length > 1 || (length == 1 && code >= 0x20 && code != 0x7f);
    const std::string_view shown = is_shown ? text.substr(at, length) : "?";
    if (label.size() + shown.size() > kLongestLabel) break;
    label += shown;
    at += length == 0 ? 1 : length;
  }
  return label;
}

}  // namespace penstock::api
