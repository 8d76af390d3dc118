#include "store/append_rules.h"

#include <algorithm>
#include <unordered_set>

#include "core/invariant.h"
#include "store/retention.h"

namespace penstock::store {
namespace {

// Where an event of a request stands already: in the database, or planned earlier in the batch.
struct Known {
  Version version;
  Position position;
  std::string_view type;
  std::optional<std::string_view> data;
};

class Planner {
 public:
  explicit Planner(const AppendFacts& facts) : facts_(facts) { plan_.head = facts.head; }

  AppendPlan plan(std::span<const AppendRequest* const> requests) && {
    plan_.answers.reserve(requests.size());
    for (const AppendRequest* request : requests) {
      plan_.answers.push_back(is_held_back(*request) ? held_back(*request) : judge(*request));
      if (!plan_.answers.back() && request->after_failure == AfterFailure::kHoldBack)
        for (const std::string_view name : request->streams()) failed_streams_.insert(name);
    }
    return std::move(plan_);
  }

 private:
  struct Stream {
    std::string_view category;
    std::optional<Version> last_version;  // nullopt: no such stream
    StreamState state = StreamState::kLive;
    Version truncate_before{0};

    bool exists() const { return last_version && state == StreamState::kLive; }
  };

  // A stream of a request, with its expectation if there is one.
  struct Part {
    std::string_view name;
    std::optional<ExpectedVersion> expected;
    Stream stream;
  };

  Result<AppendReceipt> judge(const AppendRequest& request) {
    INVARIANT(!request.events.empty(), "requests are checked before they are planned");
    const std::vector<Part> parts = parts_of(request);
    if (const auto tombstoned = find_tombstoned(request)) return removed(*tombstoned, StreamState::kTombstoned);
    std::vector<std::optional<Known>> known;
    known.reserve(request.events.size());
    for (const EventRef& event : request.events) known.push_back(find_event(*event));
    const auto found = std::count_if(known.begin(), known.end(), [](const auto& one) { return one.has_value(); });
    if (found > 0) return judge_known(request, parts, known, static_cast<std::size_t>(found));
    if (auto fits = check_categories(request); !fits) return fail(std::move(fits.error()));
    if (auto holds = check_expectations(request, parts); !holds) return fail(std::move(holds.error()));
    return write(request);
  }

  // The first stream of those that events are written to which takes none.
  std::optional<std::string_view> find_tombstoned(const AppendRequest& request) const {
    for (const EventRef& event : request.events)
      if (find_stream(event->stream).state == StreamState::kTombstoned) return event->stream;
    return std::nullopt;
  }

  std::vector<Part> parts_of(const AppendRequest& request) const {
    std::vector<Part> parts;
    for (const std::string_view name : request.streams()) parts.push_back({name, std::nullopt, find_stream(name)});
    parts.front().expected = request.expected;
    for (const StreamCheck& check : request.checks) {
      const auto part =
          std::find_if(parts.begin(), parts.end(), [&](const Part& one) { return one.name == check.stream; });
      part->expected = check.expected;
    }
    return parts;
  }

  Result<AppendReceipt> judge_known(const AppendRequest& request, const std::vector<Part>& parts,
                                    const std::vector<std::optional<Known>>& known, std::size_t found) const {
    if (found < known.size())
      return fail(codes::kStorePartlyKnown, "stream \"" + std::string(request.events.front()->stream) + "\" has " +
                                                std::to_string(found) + " of the " + std::to_string(known.size()) +
                                                " events already");
    AppendReceipt receipt{.first_position = known.front()->position,
                          .last_position = known.front()->position,
                          .origin = AppendReceipt::Origin::kKnown};
    for (const Part& part : parts) {
      std::optional<Known> first, last;
      const Event* first_event = nullptr;
      for (std::size_t i = 0; i < known.size(); ++i) {
        if (request.events[i]->stream != part.name) continue;
        if (last && known[i]->version != last->version.next())
          return fail(codes::kStoreIdReused,
                      "stream \"" + std::string(part.name) + "\" has these event ids already, in another order");
        if (!first) first_event = request.events[i].get();
        if (!first) first = known[i];
        last = known[i];
        receipt.first_position = std::min(receipt.first_position, last->position);
        receipt.last_position = std::max(receipt.last_position, last->position);
      }
      if (!first) continue;  // only checked: a retry is answered as the first attempt was
      if (part.expected && !stands_where_expected(*part.expected, first->version, part.stream)) {
        if (!holds(*part.expected, part.stream)) return wrong_version(part);
        return reused(*first_event, *first);
      }
      add_stream(receipt, request, part.name, first->version, last->version);
    }
    if (auto same = check_bytes(request, known); !same) return fail(std::move(same.error()));
    return receipt;
  }

  static Status check_bytes(const AppendRequest& request, const std::vector<std::optional<Known>>& known) {
    if (request.known_id != KnownId::kBytesMustMatch) return {};
    for (std::size_t i = 0; i < known.size(); ++i) {
      const Event& event = *request.events[i];
      // Of an event that was scavenged only the id is left to compare.
      const bool scavenged = known[i]->type.empty();
      if (!scavenged && (event.type != known[i]->type || event.data != known[i]->data))
        return fail(codes::kStoreIdReused, "event " + event.id.to_string() + " of stream \"" +
                                               std::string(event.stream) +
                                               "\" is stored with another type or other data");
    }
    return {};
  }

  static void add_stream(AppendReceipt& receipt, const AppendRequest& request, std::string_view name, Version first,
                         Version last) {
    if (name == request.events.front()->stream) {
      receipt.first_version = first;
      receipt.last_version = last;
    } else {
      receipt.further_streams.push_back({std::string(name), first, last});
    }
  }

  AppendReceipt write(const AppendRequest& request) {
    AppendReceipt receipt;
    receipt.first_position = plan_.head.next();
    std::vector<std::pair<std::size_t, Version>> firsts;  // index into plan_.streams, first version
    std::size_t at = 0;
    for (const EventRef& event : request.events) {
      if (firsts.empty() || plan_.streams[at].name != event->stream) at = touch(*event, firsts);
      PlannedStream& stream = plan_.streams[at];
      stream.last_version = stream.last_version.next();
      plan_.head = plan_.head.next();
      written_.emplace(EventKey{event->id, event->stream}, plan_.events.size());
      plan_.events.push_back({event.get(), stream.last_version, plan_.head});
    }
    receipt.last_position = plan_.head;
    for (const auto& [index, first] : firsts)
      add_stream(receipt, request, plan_.streams[index].name, first, plan_.streams[index].last_version);
    return receipt;
  }

  // Index of the event's stream in the plan, where it stands before its next event.
  std::size_t touch(const Event& event, std::vector<std::pair<std::size_t, Version>>& firsts) {
    auto place = touched_.find(event.stream);
    if (place == touched_.end()) {
      const Stream stream = find_stream(event.stream);
      const auto was = stream.last_version ? PlannedStream::Was::kKnown : PlannedStream::Was::kNew;
      place = touched_.emplace(event.stream, plan_.streams.size()).first;
      plan_.streams.push_back({event.stream, event.category, stream.last_version.value_or(Version{-1}), was});
    }
    const std::size_t index = place->second;
    const bool is_first =
        std::none_of(firsts.begin(), firsts.end(), [&](const auto& one) { return one.first == index; });
    if (is_first) firsts.emplace_back(index, plan_.streams[index].last_version.next());
    return index;
  }

  Stream find_stream(std::string_view name) const {
    if (const auto touched = touched_.find(name); touched != touched_.end()) {
      const PlannedStream& planned = plan_.streams[touched->second];
      const auto stored = facts_.streams.find(name);
      const Version begin = stored != facts_.streams.end() ? stored->second.truncate_before : Version{0};
      return {planned.category, planned.last_version, StreamState::kLive, begin};
    }
    if (const auto stored = facts_.streams.find(name); stored != facts_.streams.end())
      return {stored->second.category, stored->second.last_version, stored->second.state,
              stored->second.truncate_before};
    return {};
  }

  std::optional<Known> find_event(const Event& event) const {
    const EventKey key{event.id, event.stream};
    if (const auto stored = facts_.events.find(key); stored != facts_.events.end()) {
      const StoredEvent& found = stored->second;
      return Known{found.version, found.position, found.type, found.data};
    }
    if (const auto written = written_.find(key); written != written_.end()) {
      const PlannedEvent& planned = plan_.events[written->second];
      return Known{planned.version, planned.position, planned.event->type, planned.event->data};
    }
    return std::nullopt;
  }

  bool is_held_back(const AppendRequest& request) const {
    if (request.after_failure != AfterFailure::kHoldBack || failed_streams_.empty()) return false;
    const auto streams = request.streams();
    return std::any_of(streams.begin(), streams.end(),
                       [&](std::string_view name) { return failed_streams_.contains(name); });
  }

  static tl::unexpected<Error> held_back(const AppendRequest& request) {
    return fail(codes::kStoreHeldBack,
                "an earlier append to stream \"" + std::string(request.events.front()->stream) + "\" failed");
  }

  Status check_categories(const AppendRequest& request) const {
    std::string_view last;
    for (const EventRef& event : request.events) {
      if (event->stream == last) continue;
      last = event->stream;
      const Stream stream = find_stream(last);
      if (stream.last_version && stream.category != event->category)
        return fail(codes::kStoreCategoryMismatch, "stream \"" + std::string(last) + "\" has the category \"" +
                                                       std::string(stream.category) + "\", not \"" +
                                                       std::string(event->category) + "\"");
    }
    return {};
  }

  Status check_expectations(const AppendRequest& request, const std::vector<Part>& parts) const {
    for (const Part& part : parts)
      if (part.expected && asks_for_a_removed(part)) return removed(part.name, part.stream.state);
    std::string failed;
    const auto add = [&](const std::string& sentence) { failed += (failed.empty() ? "" : "; ") + sentence; };
    for (const Part& part : parts)
      if (part.expected && !holds(*part.expected, part.stream)) add(unexpected(part));
    const ErrorCode& code = failed.empty() ? codes::kStoreConditionFailed : codes::kStoreWrongExpectedVersion;
    if (const auto violation = find_violation(request))
      add("an event that the condition rules out stands at position " + std::to_string(violation->value));
    if (failed.empty()) return {};
    return fail(code, std::move(failed));
  }

  // Stored, or planned by an earlier request of the batch.
  std::optional<Position> find_violation(const AppendRequest& request) const {
    if (!request.condition) return std::nullopt;
    if (const auto stored = facts_.violations.find(&request); stored != facts_.violations.end()) return stored->second;
    for (const PlannedEvent& planned : plan_.events)
      if (planned.position > request.condition->after && request.condition->query.matches(*planned.event))
        return planned.position;
    return std::nullopt;
  }

  // What exists must not have been removed; of a tombstoned stream that is only checked, nor be at a version.
  static bool asks_for_a_removed(const Part& part) {
    if (part.stream.state == StreamState::kLive) return false;
    const bool of_a_version = std::holds_alternative<Version>(*part.expected);
    return std::holds_alternative<StreamExists>(*part.expected) ||
           (part.stream.state == StreamState::kTombstoned && of_a_version);
  }

  static bool holds(const ExpectedVersion& expected, const Stream& stream) {
    if (std::holds_alternative<NoStream>(expected)) return !stream.exists();
    if (std::holds_alternative<StreamExists>(expected)) return stream.exists();
    if (const auto* exact = std::get_if<Version>(&expected)) return stream.last_version == *exact;
    return true;
  }

  static bool stands_where_expected(const ExpectedVersion& expected, Version first, const Stream& stream) {
    // A stream that was deleted begins anew where it is no longer read.
    if (std::holds_alternative<NoStream>(expected)) return first == Version{0} || first == stream.truncate_before;
    if (const auto* exact = std::get_if<Version>(&expected)) return first == exact->next();
    return true;
  }

  static tl::unexpected<Error> removed(std::string_view stream, StreamState state) {
    return fail(codes::kStoreStreamDeleted,
                "stream \"" + std::string(stream) + "\" is " + std::string(to_string(state)));
  }

  static std::string unexpected(const Part& part) {
    return "stream \"" + std::string(part.name) + "\": expected " + to_string(*part.expected) + ", actual " +
           (part.stream.last_version ? std::to_string(part.stream.last_version->value) : std::string("none"));
  }

  static tl::unexpected<Error> wrong_version(const Part& part) {
    return fail(codes::kStoreWrongExpectedVersion, unexpected(part));
  }

  static tl::unexpected<Error> reused(const Event& event, const Known& known) {
    return fail(codes::kStoreIdReused, "stream \"" + std::string(event.stream) + "\" has event " +
                                           event.id.to_string() + " already, at version " +
                                           std::to_string(known.version.value));
  }

  const AppendFacts& facts_;
  AppendPlan plan_;
  std::unordered_map<std::string_view, std::size_t> touched_;        // index into plan_.streams
  std::unordered_map<EventKey, std::size_t, EventKeyHash> written_;  // index into plan_.events
  std::unordered_set<std::string_view> failed_streams_;              // by requests that hold back others
};

}  // namespace

AppendPlan plan_appends(std::span<const AppendRequest* const> requests, const AppendFacts& facts) {
  return Planner(facts).plan(requests);
}

}  // namespace penstock::store
