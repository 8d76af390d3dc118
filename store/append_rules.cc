#include "store/append_rules.h"

#include <algorithm>
#include <unordered_set>

#include "core/invariant.h"

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
        failed_streams_.insert(request->events.front()->stream);
    }
    return std::move(plan_);
  }

 private:
  struct Stream {
    std::string_view category;
    std::optional<Version> last_version;  // nullopt: no such stream
  };

  Result<AppendReceipt> judge(const AppendRequest& request) {
    INVARIANT(!request.events.empty(), "requests are checked before they are planned");
    const Stream stream = find_stream(request.events.front()->stream);
    if (stream.last_version) {
      std::vector<Known> known;
      for (const EventRef& event : request.events) {
        if (const auto found = find_event(*event)) known.push_back(*found);
      }
      if (!known.empty()) return judge_known(request, stream, known);
    }
    if (auto fits = check_category(request, stream); !fits) return fail(std::move(fits.error()));
    if (!holds(request.expected, stream)) return wrong_version(request, stream);
    return write(request, stream);
  }

  Result<AppendReceipt> judge_known(const AppendRequest& request, const Stream& stream,
                                    const std::vector<Known>& known) const {
    const Event& first = *request.events.front();
    if (known.size() < request.events.size())
      return fail(codes::kStorePartlyKnown, "stream \"" + std::string(first.stream) + "\" has " +
                                                std::to_string(known.size()) + " of the " +
                                                std::to_string(request.events.size()) + " events already");
    for (std::size_t i = 1; i < known.size(); ++i) {
      if (known[i].version != known[i - 1].version.next())
        return fail(codes::kStoreIdReused,
                    "stream \"" + std::string(first.stream) + "\" has these event ids already, in another order");
    }
    if (!stands_where_expected(request.expected, known.front().version)) {
      if (!holds(request.expected, stream)) return wrong_version(request, stream);
      return reused(first, known.front());
    }
    if (request.known_id == KnownId::kBytesMustMatch) {
      for (std::size_t i = 0; i < known.size(); ++i) {
        const Event& event = *request.events[i];
        if (event.type != known[i].type || event.data != known[i].data)
          return fail(codes::kStoreIdReused, "event " + event.id.to_string() + " of stream \"" +
                                                 std::string(event.stream) +
                                                 "\" is stored with another type or other data");
      }
    }
    return AppendReceipt{known.front().version, known.back().version, known.front().position, known.back().position,
                         AppendReceipt::Origin::kKnown};
  }

  AppendReceipt write(const AppendRequest& request, const Stream& stream) {
    const Event& first = *request.events.front();
    AppendReceipt receipt;
    receipt.first_version = stream.last_version ? stream.last_version->next() : Version{0};
    receipt.first_position = plan_.head.next();
    Version version = receipt.first_version;
    for (const EventRef& event : request.events) {
      plan_.head = plan_.head.next();
      written_.emplace(EventKey{event->id, event->stream}, plan_.events.size());
      plan_.events.push_back({event.get(), version, plan_.head});
      receipt.last_version = version;
      version = version.next();
    }
    receipt.last_position = plan_.head;
    const auto [place, added] = touched_.try_emplace(first.stream, plan_.streams.size());
    if (added) {
      const auto was = stream.last_version ? PlannedStream::Was::kKnown : PlannedStream::Was::kNew;
      plan_.streams.push_back({first.stream, first.category, receipt.last_version, was});
    } else {
      plan_.streams[place->second].last_version = receipt.last_version;
    }
    return receipt;
  }

  Stream find_stream(std::string_view name) const {
    if (const auto touched = touched_.find(name); touched != touched_.end()) {
      const PlannedStream& planned = plan_.streams[touched->second];
      return {planned.category, planned.last_version};
    }
    if (const auto stored = facts_.streams.find(name); stored != facts_.streams.end())
      return {stored->second.category, stored->second.last_version};
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
    return request.after_failure == AfterFailure::kHoldBack && failed_streams_.contains(request.events.front()->stream);
  }

  static tl::unexpected<Error> held_back(const AppendRequest& request) {
    return fail(codes::kStoreHeldBack,
                "an earlier append to stream \"" + std::string(request.events.front()->stream) + "\" failed");
  }

  static Status check_category(const AppendRequest& request, const Stream& stream) {
    const Event& first = *request.events.front();
    if (!stream.last_version || stream.category == first.category) return {};
    return fail(codes::kStoreCategoryMismatch, "stream \"" + std::string(first.stream) + "\" has the category \"" +
                                                   std::string(stream.category) + "\", not \"" +
                                                   std::string(first.category) + "\"");
  }

  static bool holds(const ExpectedVersion& expected, const Stream& stream) {
    if (std::holds_alternative<NoStream>(expected)) return !stream.last_version;
    if (std::holds_alternative<StreamExists>(expected)) return stream.last_version.has_value();
    if (const auto* exact = std::get_if<Version>(&expected)) return stream.last_version == *exact;
    return true;
  }

  static bool stands_where_expected(const ExpectedVersion& expected, Version first) {
    if (std::holds_alternative<NoStream>(expected)) return first == Version{0};
    if (const auto* exact = std::get_if<Version>(&expected)) return first == exact->next();
    return true;
  }

  static tl::unexpected<Error> wrong_version(const AppendRequest& request, const Stream& stream) {
    return fail(codes::kStoreWrongExpectedVersion,
                "stream \"" + std::string(request.events.front()->stream) + "\": expected " +
                    to_string(request.expected) + ", actual " +
                    (stream.last_version ? std::to_string(stream.last_version->value) : std::string("none")));
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
