#include "relay/mapping/mapping.h"

#include <optional>
#include <utility>

namespace penstock::relay {
namespace {

constexpr std::size_t kInternedTexts = 4'096;
constexpr std::size_t kInternedTextBytes = 512;
constexpr std::size_t kProfileHeaders = 12;  // of the native form, with the four members of metadata

Result<Template> parse(std::string_view what, std::string_view text) {
  auto parsed = parse_template(text);
  if (parsed) return std::move(*parsed);
  return fail(codes::kConfigInvalid, std::string(what) + " \"" + std::string(text) + "\": " + parsed.error().message);
}

// A placeholder that stands alone and whose text the event has already: no copy is needed.
std::optional<std::string_view> view_of(const Template& text, const Event& event) {
  if (text.parts().size() != 1) return std::nullopt;
  const Template::Part& part = text.parts().front();
  if (part.is == Template::Part::Is::kText) return part.text;
  switch (part.placeholder) {
    case Placeholder::kCategory: return event.category;
    case Placeholder::kStream: return event.stream;
    case Placeholder::kKey: return event.key ? *event.key : std::string_view();
    case Placeholder::kType: return event.type;
    case Placeholder::kContentType: return event.content_type;
    case Placeholder::kId:
    case Placeholder::kVersion:
    case Placeholder::kPosition:
    case Placeholder::kMetadata: return std::nullopt;
  }
  return std::nullopt;
}

tl::unexpected<Error> empty_placeholder(std::string_view what, const Template::Part& part) {
  return fail(codes::kRelayMappingEmpty,
              describe(part) + " is empty for this event, and the route's " + std::string(what) + " needs it");
}

}  // namespace

std::string_view Mapping::Interned::find_or_add(const std::string& text) {
  if (const auto known = texts_.find(std::string_view(text)); known != texts_.end()) return *known;
  if (texts_.size() >= kInternedTexts || text.size() > kInternedTextBytes) return {};
  return *texts_.insert(text).first;
}

Result<Mapping> Mapping::make(const RouteSettings& settings, const connectors::WireProfile* wire) {
  Mapping mapping;
  mapping.wire_ = wire;
  mapping.interned_ = std::make_unique<Interned>();
  auto destination = parse("the destination", settings.templates.destination);
  if (!destination) return fail(std::move(destination.error()));
  mapping.destination_ = std::move(*destination);
  auto routing_key = parse("the routing key", settings.templates.routing_key);
  if (!routing_key) return fail(std::move(routing_key.error()));
  mapping.routing_key_ = std::move(*routing_key);
  auto key = parse("the key", settings.templates.key);
  if (!key) return fail(std::move(key.error()));
  mapping.key_ = std::move(*key);
  mapping.key_mentions_key_ = mapping.key_.mentions(Placeholder::kKey);
  for (const auto& [name, text] : settings.headers) {
    auto header = parse("header " + name, text);
    if (!header) return fail(std::move(header.error()));
    mapping.headers_.push_back(
        std::make_unique<NamedTemplate>(NamedTemplate{name, "header " + name, std::move(*header)}));
  }
  return mapping;
}

Result<std::string_view> Mapping::render(std::string_view what, const Template& text, const Event& event,
                                         connectors::MessageBuilder& builder, Keep keep) {
  if (text.parts().empty()) return std::string_view();
  if (const auto view = view_of(text, event)) {
    if (view->empty()) return empty_placeholder(what, text.parts().front());
    return *view;
  }
  scratch_.clear();
  if (const Template::Part* empty = append_rendered(scratch_, text, event)) return empty_placeholder(what, *empty);
  if (keep == Keep::kShared)
    if (const std::string_view shared = interned_->find_or_add(scratch_); !shared.empty()) return shared;
  return builder.keep(scratch_);
}

Result<connectors::Message> Mapping::map(EventRef event_ref) {
  const Event& event = *event_ref;
  connectors::MessageBuilder builder(std::move(event_ref));
  connectors::Message& message = builder.message();
  builder.reserve_headers(headers_.size() + (wire_ != nullptr ? kProfileHeaders : 0));

  auto destination = render("destination", destination_, event, builder, Keep::kShared);
  if (!destination) return fail(std::move(destination.error()));
  message.destination = *destination;
  auto routing_key = render("routing key", routing_key_, event, builder, Keep::kShared);
  if (!routing_key) return fail(std::move(routing_key.error()));
  message.routing_key = *routing_key;
  if (event.key || !key_mentions_key_) {
    auto key = render("key", key_, event, builder, Keep::kInMessage);
    if (!key) return fail(std::move(key.error()));
    if (!key->empty()) message.key = *key;
  }
  for (const auto& header : headers_) {
    auto value = render(header->title, header->text, event, builder, Keep::kInMessage);
    if (!value) return fail(std::move(value.error()));
    builder.header(header->name, *value);
  }
  if (wire_ != nullptr) {
    wire_->encode(event, builder);
  } else {
    message.body = event.data;
  }
  return std::move(builder).finish();
}

}  // namespace penstock::relay
