// What an append does, decided in one place for every backend: expected versions, known event ids,
// categories and the numbers that new events get. Pure: a backend gathers the facts inside its
// transaction, asks for the plan, writes what the plan says, commits, and passes the answers on.
//
// Requests are judged in their order against the facts and what earlier requests of the same batch
// will have written. A request that fails leaves nothing behind and doesn't hinder the others, but for
// AfterFailure::kHoldBack: behind one that failed, such a request of its stream is store.held_back.
//
// Known ids come before every other rule, so that a retry is answered as the first attempt was:
//   all ids known, at consecutive versions     the original versions and positions
//     … but an exact version or NoStream was asked for, and they stand elsewhere:
//         expectation holds                    store.id_reused
//         else                                 store.wrong_expected_version
//   all ids of a stream known, in another order  store.id_reused
//   some known, some new                       store.partly_known
//   known, KnownId::kBytesMustMatch, and type or data differ: store.id_reused
// In a request for several streams this is asked of each; ids known in one and new in another are partly
// known. Then the category (store.category_mismatch), then the expected versions and the condition, of
// which all that fail are named in one answer:
//                      any   NoStream   StreamExists   exact = last   exact other
//   no such stream     ok    ok         conflict       -              conflict
//   last version n     ok    conflict   ok             ok             conflict
//   deleted, last n    ok    ok         deleted        ok             conflict
// A tombstoned stream takes nothing, retries included; one that is only checked is any or none. deleted:
// store.stream_deleted. Else store.wrong_expected_version if a version is not as expected, else
// store.condition_failed.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/ids.h"
#include "store/event_store.h"

namespace penstock::store {

struct StoredStream {
  std::string category;
  Version last_version;
  StreamState state = StreamState::kLive;
  Version truncate_before{0};
};

// An event that the store has already. Type and data are looked at only for requests with
// KnownId::kBytesMustMatch; for others a backend may leave them empty.
struct StoredEvent {
  Version version;
  Position position;
  std::string type;
  std::optional<std::string> data;
};

// Ids are unique within a stream.
struct EventKey {
  EventId id;
  std::string_view stream;
  bool operator==(const EventKey&) const = default;
};

struct EventKeyHash {
  std::size_t operator()(const EventKey& key) const noexcept {
    return std::hash<EventId>()(key.id) ^ (std::hash<std::string_view>()(key.stream) * 31);
  }
};

// What the database says about the streams and ids that a batch names. Missing = not there. Keys are
// views into the requests, or into memory that lives as long as the plan.
struct AppendFacts {
  Position head;
  std::unordered_map<std::string_view, StoredStream> streams;
  std::unordered_map<EventKey, StoredEvent, EventKeyHash> events;
  // Of requests whose condition a stored event violates: where the first of them stands.
  std::unordered_map<const AppendRequest*, Position> violations;
};

struct PlannedEvent {
  const Event* event;  // of the request
  Version version;
  Position position;
};

// A stream that gets events, as it is after the batch.
struct PlannedStream {
  std::string_view name, category;
  Version last_version;
  enum class Was { kNew, kKnown } was;
};

struct AppendPlan {
  std::vector<Result<AppendReceipt>> answers;  // one a request; true once the batch is committed
  std::vector<PlannedEvent> events;            // to be inserted, ascending consecutive positions
  std::vector<PlannedStream> streams;          // to be inserted or updated
  Position head;                               // after the batch
};

// Every request has passed check_append. Views of the plan point into requests and facts.
AppendPlan plan_appends(std::span<const AppendRequest* const> requests, const AppendFacts& facts);

}  // namespace penstock::store
