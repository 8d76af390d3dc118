#include "relay/mapping/template.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include "core/json_text.h"

namespace penstock::relay {
namespace {

constexpr std::string_view kMetadataPrefix = "metadata.";

constexpr std::array kAll = {Placeholder::kCategory, Placeholder::kStream,      Placeholder::kKey,
                             Placeholder::kType,     Placeholder::kId,          Placeholder::kVersion,
                             Placeholder::kPosition, Placeholder::kContentType, Placeholder::kMetadata};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

std::string_view nearest_word(std::string_view word) {
  std::string_view best;
  std::size_t best_distance = 3;
  for (const Placeholder known : kAll) {
    if (known == Placeholder::kMetadata) continue;
    const std::size_t distance = edit_distance(word, to_string(known));
    if (distance < best_distance) {
      best_distance = distance;
      best = to_string(known);
    }
  }
  return best;
}

std::string unknown_placeholder(std::string_view word) {
  std::string message = "unknown placeholder {" + std::string(word) + "}";
  if (word == "metadata" || word == kMetadataPrefix) return message + ": name a member, as in {metadata.tenant}";
  if (const std::string_view nearest = nearest_word(word); !nearest.empty())
    return message + ": did you mean {" + std::string(nearest) + "}?";
  return message +
         ": known are {category} {stream} {key} {type} {id} {version} {position} {content_type} {metadata.NAME}";
}

tl::expected<Template::Part, TemplateError> parse_placeholder(std::string_view word, std::size_t offset) {
  Template::Part part;
  part.is = Template::Part::Is::kPlaceholder;
  if (word.starts_with(kMetadataPrefix) && word.size() > kMetadataPrefix.size()) {
    part.placeholder = Placeholder::kMetadata;
    part.text = word.substr(kMetadataPrefix.size());
    return part;
  }
  for (const Placeholder known : kAll) {
    if (known == Placeholder::kMetadata || word != to_string(known)) continue;
    part.placeholder = known;
    return part;
  }
  return tl::unexpected(TemplateError{offset, unknown_placeholder(word)});
}

void append_number(std::string& out, std::int64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

std::string_view to_string(Placeholder placeholder) {
  switch (placeholder) {
    case Placeholder::kCategory: return "category";
    case Placeholder::kStream: return "stream";
    case Placeholder::kKey: return "key";
    case Placeholder::kType: return "type";
    case Placeholder::kId: return "id";
    case Placeholder::kVersion: return "version";
    case Placeholder::kPosition: return "position";
    case Placeholder::kContentType: return "content_type";
    case Placeholder::kMetadata: return kMetadataPrefix;
  }
  return "";
}

bool Template::mentions(Placeholder placeholder) const {
  return std::any_of(parts_.begin(), parts_.end(), [placeholder](const Part& part) {
    return part.is == Part::Is::kPlaceholder && part.placeholder == placeholder;
  });
}

tl::expected<Template, TemplateError> parse_template(std::string_view text) {
  Template parsed;
  parsed.source_ = text;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t brace = text.find_first_of("{}", at);
    if (brace != at) parsed.parts_.push_back({Template::Part::Is::kText, std::string(text.substr(at, brace - at)), {}});
    if (brace == std::string_view::npos) break;
    if (text[brace] == '}') return tl::unexpected(TemplateError{brace, "a } without a { before it"});
    const std::size_t end = text.find_first_of("{}", brace + 1);
    if (end == std::string_view::npos || text[end] == '{')
      return tl::unexpected(TemplateError{brace, "a { without a } behind it"});
    auto part = parse_placeholder(text.substr(brace + 1, end - brace - 1), brace);
    if (!part) return tl::unexpected(std::move(part.error()));
    parsed.parts_.push_back(std::move(*part));
    at = end + 1;
  }
  return parsed;
}

bool append_placeholder(std::string& out, const Template::Part& part, const Event& event) {
  const std::size_t before = out.size();
  switch (part.placeholder) {
    case Placeholder::kCategory: out += event.category; break;
    case Placeholder::kStream: out += event.stream; break;
    case Placeholder::kKey:
      if (event.key) out += *event.key;
      break;
    case Placeholder::kType: out += event.type; break;
    case Placeholder::kId:
      out.resize(before + EventId::kTextLength);
      event.id.write_text(out.data() + before);
      break;
    case Placeholder::kVersion:
      if (event.version) append_number(out, event.version->value);
      break;
    case Placeholder::kPosition:
      if (event.position) append_number(out, event.position->value);
      break;
    case Placeholder::kContentType: out += event.content_type; break;
    case Placeholder::kMetadata:
      if (const auto member = find_member(event.metadata, part.text)) out += *member;
      break;
  }
  return out.size() > before;
}

const Template::Part* append_rendered(std::string& out, const Template& text, const Event& event) {
  for (const Template::Part& part : text.parts()) {
    if (part.is == Template::Part::Is::kText) {
      out += part.text;
    } else if (!append_placeholder(out, part, event)) {
      return &part;
    }
  }
  return nullptr;
}

std::string describe(const Template::Part& part) {
  std::string text = "{";
  text += to_string(part.placeholder);
  if (part.placeholder == Placeholder::kMetadata) text += part.text;
  return text + "}";
}

}  // namespace penstock::relay
