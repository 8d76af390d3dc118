// From an event to a message: renders destination, routing key, key and extra headers of one route,
// then lets the wire profile add its headers and the body. Pure; payload bytes are never touched.
//
// A text that is one placeholder, or constant, becomes a view; any other destination is rendered
// once and remembered, so that the hot path allocates the header list and one block of text only.
//
// Threads: one at a time. A message's views point into its event, its own text, and this object,
// which therefore outlives every message it made.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "connectors/message.h"
#include "core/error.h"
#include "relay/mapping/template.h"
#include "relay/route_settings.h"

namespace penstock::relay {

class Mapping {
 public:
  // Error: config.invalid for a template that doesn't parse; the command line has checked them all
  // before. `wire` may be null: then the message has no headers but the extra ones and the event's
  // data as its body.
  static Result<Mapping> make(const RouteSettings& settings, const connectors::WireProfile* wire);

  // Error: relay.mapping_empty when a placeholder is empty for this event. A null key of the event
  // stays null where the key template mentions {key}.
  Result<connectors::Message> map(EventRef event);

  Mapping(Mapping&&) noexcept = default;
  Mapping& operator=(Mapping&&) noexcept = default;

 private:
  struct NamedTemplate {
    std::string name;
    std::string title;  // "header <name>", for messages
    Template text;
  };
  // Texts that many messages share. Never shrinks, because messages point into it; never grows
  // beyond a bound, because a template may render differently for every event.
  class Interned {
   public:
    // Empty view when it is neither known nor has room.
    std::string_view find_or_add(const std::string& text);

   private:
    struct Hash {
      using is_transparent = void;
      std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    std::unordered_set<std::string, Hash, std::equal_to<>> texts_;
  };

  Mapping() = default;
  enum class Keep { kInMessage, kShared };
  Result<std::string_view> render(std::string_view what, const Template& text, const Event& event,
                                  connectors::MessageBuilder& builder, Keep keep);

  const connectors::WireProfile* wire_ = nullptr;
  Template destination_, routing_key_, key_;
  bool key_mentions_key_ = false;
  std::vector<std::unique_ptr<const NamedTemplate>> headers_;
  std::unique_ptr<Interned> interned_;
  std::string scratch_;
};

}  // namespace penstock::relay
