#include "tests/contract/store/store_contract.h"

#include <future>

#include "core/random.h"
#include "tests/support/servers.h"

namespace penstock::tests {

void PrintTo(const BackendKind& kind, std::ostream* out) { *out << kind.name; }

std::string backend_name(const testing::TestParamInfo<BackendKind>& parameter) { return parameter.param.name; }

void StoreContract::SetUp() {
  if (const std::string reason = GetParam().reason_missing(); !reason.empty()) {
    if (servers_are_mandatory()) FAIL() << reason;
    GTEST_SKIP() << reason;
  }
  backend_ = GetParam().make();
  store_ = backend_->open({});
}

void StoreContract::TearDown() {
  store_.reset();
  backend_.reset();
}

void StoreContract::reopen(store::StoreSettings settings) {
  store_.reset();
  store_ = backend_->open(std::move(settings));
}

Result<store::AppendReceipt> StoreContract::append(store::AppendRequest request) {
  return store().events().append_and_wait(std::move(request), soon());
}

void StoreContract::fill(std::string_view stream, int events, std::string_view type) {
  std::vector<store::AppendRequest> requests;
  for (int i = 0; i < events; ++i) requests.push_back(request({event({.stream = stream, .type = type})}));
  std::promise<std::string> answered;
  int left = events;
  std::string first_error;
  store().events().append_many(std::move(requests), soon(), [&](std::size_t, Result<store::AppendReceipt> answer) {
    if (!answer && first_error.empty()) first_error = answer.error().describe();
    if (--left == 0) answered.set_value(first_error);
  });
  ASSERT_EQ(answered.get_future().get(), "");
}

std::vector<EventRef> StoreContract::read_log(Position after, store::ReadLimit limit, const store::LogFilter& filter) {
  std::vector<EventRef> all;
  for (;;) {
    const auto page = store().log().read_after(after, limit, filter);
    if (!page) {
      ADD_FAILURE() << page.error().describe();
      return all;
    }
    for (EventRef& read : refs_of(page->events)) all.push_back(std::move(read));
    if (page->reached == after) return all;
    after = page->reached;
  }
}

std::vector<EventRef> StoreContract::read_whole_stream(std::string_view stream, store::Direction direction,
                                                       store::ReadLimit limit) {
  std::vector<EventRef> all;
  std::optional<Version> from;
  do {
    const auto page = store().events().read_stream(stream, from, direction, limit);
    if (!page) {
      ADD_FAILURE() << page.error().describe();
      return all;
    }
    for (EventRef& read : refs_of(page->events)) all.push_back(std::move(read));
    from = page->next;
  } while (from);
  return all;
}

Lease StoreContract::take(std::string_view name, std::string_view owner) {
  auto lease = store().leases().take(name, owner);
  EXPECT_TRUE(lease) << lease.error().describe();
  return lease.value_or(Lease{});
}

Deadline soon() { return Deadline::in(std::chrono::seconds(30)); }

EventId fresh_id() {
  static SystemClock clock;
  static SystemRandom random;
  return make_event_id(clock, random);
}

EventId id_of(char letter) {
  std::array<std::uint8_t, 16> bytes{};
  bytes.front() = 1;
  bytes.back() = static_cast<std::uint8_t>(letter);
  return EventId(bytes);
}

EventRef event(Event fields) {
  if (fields.id.is_nil()) fields.id = fresh_id();
  if (fields.category.empty()) fields.category = default_category(fields.stream);
  if (fields.type.empty()) fields.type = "placed";
  return make_event(fields);
}

store::AppendRequest request(std::vector<EventRef> events, store::ExpectedVersion expected, store::KnownId known_id) {
  return {expected, std::move(events), known_id};
}

store::AppendRequest lettered(std::string_view stream, std::string_view letters, store::ExpectedVersion expected) {
  std::vector<EventRef> events;
  for (const char& letter : letters)
    events.push_back(event({.id = id_of(letter), .stream = stream, .data = std::string_view(&letter, 1)}));
  return request(std::move(events), expected);
}

std::vector<std::int64_t> positions_of(const std::vector<EventRef>& events) {
  std::vector<std::int64_t> found;
  for (const EventRef& read : events) found.push_back(read->position.value_or(Position{-1}).value);
  return found;
}

std::vector<std::int64_t> versions_of(const std::vector<EventRef>& events) {
  std::vector<std::int64_t> found;
  for (const EventRef& read : events) found.push_back(read->version.value_or(Version{-1}).value);
  return found;
}

std::vector<EventRef> refs_of(const std::shared_ptr<const EventBatch>& batch) {
  std::vector<EventRef> refs;
  for (std::size_t i = 0; i < batch->size(); ++i) refs.push_back(EventBatch::ref(batch, i));
  return refs;
}

std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> made;
  for (std::int64_t at = first;; at += first <= last ? 1 : -1) {
    made.push_back(at);
    if (at == last) return made;
  }
}

}  // namespace penstock::tests
