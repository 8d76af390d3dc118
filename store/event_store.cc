#include "store/event_store.h"

#include <algorithm>
#include <future>
#include <map>
#include <set>

#include "core/json_text.h"
#include "store/event_tags.h"

namespace penstock::store {
namespace {

Status check_name(std::string_view what, std::string_view text, std::size_t limit) {
  const auto name = std::string(what);
  if (text.empty()) return fail(codes::kStoreInvalidRequest, "the " + name + " is empty");
  if (text.size() > limit)
    return fail(codes::kStoreLimitExceeded, "the " + name + " has " + std::to_string(text.size()) + " bytes, at most " +
                                                std::to_string(limit) + " are allowed");
  if (!is_utf8_text(text)) return fail(codes::kStoreInvalidRequest, "the " + name + " is not UTF-8 text without NUL");
  return {};
}

Status check_stream_name(std::string_view stream, const AppendLimits& limits) {
  if (auto named = check_name("stream name", stream, limits.stream_bytes); !named) return named;
  if (stream.front() == '$' || stream.front() == '@' || stream == "all" || stream == "count")
    return fail(codes::kStoreReservedName, "the stream name \"" + std::string(stream) + "\" is reserved");
  return {};
}

Status check_tags(const Event& event) {
  const std::vector<std::string> tags = tags_of(event.metadata);
  if (tags.size() > kEventTags)
    return fail(codes::kStoreLimitExceeded, "the event has " + std::to_string(tags.size()) + " tags, at most " +
                                                std::to_string(kEventTags) + " are allowed");
  for (const std::string& tag : tags)
    if (auto fits = check_name("tag", tag, kTagBytes); !fits) return fits;
  return {};
}

Status check_event(const Event& event, const AppendLimits& limits) {
  if (auto type = check_name("event type", event.type, limits.type_bytes); !type) return type;
  if (auto category = check_name("category", event.category, limits.type_bytes); !category) return category;
  if (auto content = check_name("content type", event.content_type, limits.type_bytes); !content) return content;
  if (event.id.is_nil()) return fail(codes::kStoreInvalidRequest, "the event id is the nil UUID");
  if (event.data && event.data->size() > limits.event_bytes)
    return fail(codes::kStoreLimitExceeded, "the event has " + std::to_string(event.data->size()) +
                                                " bytes of data, at most " + std::to_string(limits.event_bytes) +
                                                " are allowed");
  if (event.metadata.size() > limits.metadata_bytes)
    return fail(codes::kStoreLimitExceeded, "the metadata has " + std::to_string(event.metadata.size()) +
                                                " bytes, at most " + std::to_string(limits.metadata_bytes) +
                                                " are allowed");
  if (!is_json_object(event.metadata)) return fail(codes::kStoreInvalidRequest, "the metadata is not a JSON object");
  return check_tags(event);
}

// Names and categories of the streams that the events belong to.
Status check_streams(const AppendRequest& request, const AppendLimits& limits) {
  std::map<std::string_view, std::string_view> categories;
  std::string_view last;
  for (const EventRef& event : request.events) {
    if (event->stream != last || categories.empty()) {
      last = event->stream;
      if (!categories.contains(last))
        if (auto named = check_stream_name(last, limits); !named) return named;
      categories.try_emplace(last, event->category);
    }
    if (categories[last] != event->category)
      return fail(codes::kStoreInvalidRequest,
                  "the events of stream \"" + std::string(last) + "\" name different categories");
  }
  if (request.streams().size() > kRequestStreams)
    return fail(codes::kStoreLimitExceeded, "the request names " + std::to_string(request.streams().size()) +
                                                " streams, at most " + std::to_string(kRequestStreams) +
                                                " are allowed");
  return {};
}

Status check_checks(const AppendRequest& request, const AppendLimits& limits) {
  std::set<std::string_view> seen = {request.events.front()->stream};
  for (const StreamCheck& check : request.checks) {
    if (auto named = check_stream_name(check.stream, limits); !named) return named;
    if (!seen.insert(check.stream).second)
      return fail(codes::kStoreInvalidRequest, "stream \"" + check.stream + "\" is checked twice");
    if (std::holds_alternative<AnyVersion>(check.expected))
      return fail(codes::kStoreInvalidRequest, "the check of stream \"" + check.stream + "\" expects any version");
  }
  return {};
}

Status check_condition(const AppendCondition& condition) {
  if (condition.after < Position{0})
    return fail(codes::kStoreInvalidRequest, "the condition looks after a position below 0");
  if (condition.query.items.size() > kQueryItems)
    return fail(codes::kStoreLimitExceeded, "the condition has " + std::to_string(condition.query.items.size()) +
                                                " items, at most " + std::to_string(kQueryItems) + " are allowed");
  std::size_t words = 0;
  for (const QueryItem& item : condition.query.items) {
    words += item.categories.size() + item.types.size() + item.tags.size() + item.metadata.size();
    for (const auto* list : {&item.categories, &item.types, &item.tags})
      for (const std::string& word : *list)
        if (auto fits = check_name("word of the condition", word, kTagBytes); !fits) return fits;
    for (const auto& [name, value] : item.metadata)
      if (!is_utf8_text(name) || !is_utf8_text(value))
        return fail(codes::kStoreInvalidRequest, "a metadata member of the condition is not UTF-8 text without NUL");
  }
  if (words > kQueryWords)
    return fail(codes::kStoreLimitExceeded, "the condition has " + std::to_string(words) + " words, at most " +
                                                std::to_string(kQueryWords) + " are allowed");
  return {};
}

}  // namespace

std::string to_string(const ExpectedVersion& expected) {
  struct Words {
    std::string operator()(AnyVersion) const { return "any"; }
    std::string operator()(NoStream) const { return "none"; }
    std::string operator()(StreamExists) const { return "exists"; }
    std::string operator()(Version version) const { return std::to_string(version.value); }
  };
  return std::visit(Words{}, expected);
}

std::size_t AppendRequest::size_bytes() const {
  std::size_t bytes = sizeof(AppendRequest);
  for (const EventRef& event : events) bytes += event->size_bytes();
  for (const StreamCheck& check : checks) bytes += sizeof(StreamCheck) + check.stream.size();
  if (!condition) return bytes;
  for (const QueryItem& item : condition->query.items) {
    bytes += sizeof(QueryItem);
    for (const auto* words : {&item.categories, &item.types, &item.tags})
      for (const std::string& word : *words) bytes += sizeof(std::string) + word.size();
    for (const auto& [name, value] : item.metadata) bytes += 2 * sizeof(std::string) + name.size() + value.size();
  }
  return bytes;
}

std::vector<std::string_view> AppendRequest::streams() const {
  std::vector<std::string_view> names;
  std::set<std::string_view> seen;
  const auto add = [&](std::string_view name) {
    if (!names.empty() && name == names.back()) return;
    if (seen.insert(name).second) names.push_back(name);
  };
  for (const EventRef& event : events) add(event->stream);
  for (const StreamCheck& check : checks) add(check.stream);
  return names;
}

Result<AppendReceipt> EventStore::append_and_wait(AppendRequest request, Deadline deadline) {
  // Shared with the callback: the sequencer may answer while the caller already unwinds.
  auto answer = std::make_shared<std::promise<Result<AppendReceipt>>>();
  auto answered = answer->get_future();
  append(std::move(request), deadline,
         [answer](Result<AppendReceipt> result) { answer->set_value(std::move(result)); });
  return answered.get();
}

std::string last_name_with(std::string_view prefix) {
  // U+10FFFF has the highest bytes in UTF-8, and a name has at most 1,024 of them.
  constexpr std::string_view kHighest = "\xF4\x8F\xBF\xBF";
  constexpr std::size_t kNameBytes = 1'024;
  std::string name(prefix);
  while (name.size() < kNameBytes) name += kHighest;
  return name;
}

Status check_limit(const ReadLimit& limit) {
  if (limit.events == 0) return fail(codes::kStoreInvalidRequest, "a page of no events was asked for");
  return {};
}

Status check_append(const AppendRequest& request, const AppendLimits& limits) {
  if (request.events.empty()) return fail(codes::kStoreInvalidRequest, "the request carries no event");
  if (request.events.size() > limits.batch_events)
    return fail(codes::kStoreLimitExceeded, "the request carries " + std::to_string(request.events.size()) +
                                                " events, at most " + std::to_string(limits.batch_events) +
                                                " are allowed");
  if (request.size_bytes() > limits.batch_bytes && request.events.size() > 1)
    return fail(codes::kStoreLimitExceeded, "the request has " + std::to_string(request.size_bytes()) +
                                                " bytes, at most " + std::to_string(limits.batch_bytes) +
                                                " are allowed");
  if (auto streams = check_streams(request, limits); !streams) return streams;
  std::set<EventId> ids;
  for (const EventRef& event : request.events) {
    if (auto checked = check_event(*event, limits); !checked) return checked;
    if (request.events.size() > 1 && !ids.insert(event->id).second)
      return fail(codes::kStoreInvalidRequest, "event id " + event->id.to_string() + " stands twice in one request");
  }
  if (auto checks = check_checks(request, limits); !checks) return checks;
  return request.condition ? check_condition(*request.condition) : Status();
}

}  // namespace penstock::store
