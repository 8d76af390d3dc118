// Text with placeholders, as an operator writes it for topics, routing keys, keys and headers:
// "outbox.event.{category}". The list of placeholders is closed:
//   {category} {stream} {key} {type} {id} {version} {position} {content_type} {metadata.NAME}
// A brace stands for nothing else. Pure; a parsed template is immutable and thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/event.h"

namespace penstock::relay {

enum class Placeholder { kCategory, kStream, kKey, kType, kId, kVersion, kPosition, kContentType, kMetadata };

// The word between the braces; "metadata." for kMetadata.
std::string_view to_string(Placeholder placeholder);

// What is wrong with a template. `offset` counts bytes from its start, for error messages that point
// at the place; `message` names the placeholder, and the nearest known one.
struct TemplateError {
  std::size_t offset;
  std::string message;
};

class Template {
 public:
  // A stretch of literal text, or one placeholder.
  struct Part {
    enum class Is { kText, kPlaceholder } is = Is::kText;
    std::string text;  // the literal, or NAME of {metadata.NAME}
    Placeholder placeholder = Placeholder::kCategory;
  };

  const std::string& source() const { return source_; }
  const std::vector<Part>& parts() const { return parts_; }
  bool mentions(Placeholder placeholder) const;

 private:
  friend tl::expected<Template, TemplateError> parse_template(std::string_view text);
  std::string source_;
  std::vector<Part> parts_;
};

tl::expected<Template, TemplateError> parse_template(std::string_view text);

// Appends the text of one placeholder for `event`; false when the event has nothing there.
bool append_placeholder(std::string& out, const Template::Part& part, const Event& event);

// Appends the whole text. Returns the part that is empty for this event, null when there is none;
// then `out` holds an unfinished text.
const Template::Part* append_rendered(std::string& out, const Template& text, const Event& event);

// "{metadata.tenant}": how a part is named in messages.
std::string describe(const Template::Part& part);

}  // namespace penstock::relay
