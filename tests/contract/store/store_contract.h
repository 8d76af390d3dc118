// What every store backend must do, as suites that are parametrised by the backend. README.md in this
// folder says how another backend runs them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace penstock::tests {

// A database of one backend: fresh, empty and migrated for one test, gone when destroyed.
class StoreBackend {
 public:
  virtual ~StoreBackend() = default;

  // One program's own view of the database. Several may be open at once; destroying one ends its
  // session, as the death of its program would: its leases are not given back. The URL of
  // `settings` is filled in.
  virtual std::unique_ptr<store::Store> open(store::StoreSettings settings) = 0;

  // From now on the database can't be reached by a store that is opened, until it is back.
  virtual void take_away() = 0;
  virtual void bring_back() = 0;

  // Makes leases and route states that much older, as the database sees them.
  virtual void age(std::chrono::seconds by) = 0;
};

struct BackendKind {
  std::string name;
  std::function<std::unique_ptr<StoreBackend>()> make;
  std::function<std::string()> reason_missing = [] { return std::string(); };  // empty: it can be used
};

void PrintTo(const BackendKind& kind, std::ostream* out);
std::string backend_name(const testing::TestParamInfo<BackendKind>& parameter);

class StoreContract : public testing::TestWithParam<BackendKind> {
 protected:
  void SetUp() override;
  void TearDown() override;

  StoreBackend& backend() { return *backend_; }
  // The store that most tests use; opened by SetUp.
  store::Store& store() { return *store_; }
  std::unique_ptr<store::Store> open_another() { return backend_->open({}); }
  // Ends the session of store() and opens a new one.
  void reopen(store::StoreSettings settings = {});
  void close() { store_.reset(); }

  Result<store::AppendReceipt> append(store::AppendRequest request);
  // Appends events of this type to the stream, one request each, and fails the test if it can't.
  void fill(std::string_view stream, int events, std::string_view type = "placed");
  // Everything after `after` that passes, page by page.
  std::vector<EventRef> read_log(Position after = Position{0}, store::ReadLimit limit = {},
                                 const store::LogFilter& filter = {});
  std::vector<EventRef> read_whole_stream(std::string_view stream,
                                          store::Direction direction = store::Direction::kForward,
                                          store::ReadLimit limit = {});
  Lease take(std::string_view name, std::string_view owner = "instance-a");

 private:
  std::unique_ptr<StoreBackend> backend_;
  std::unique_ptr<store::Store> store_;
};

class AppendContract : public StoreContract {};
class AppendTextContract : public StoreContract {};
class IdempotencyContract : public StoreContract {};
class ConcurrencyContract : public StoreContract {};
class MultiStreamContract : public StoreContract {};
class ConditionContract : public StoreContract {};
class StreamContract : public StoreContract {};
class LogContract : public StoreContract {};
class CheckpointContract : public StoreContract {};
class SourceCheckpointContract : public StoreContract {};
class LeaseContract : public StoreContract {};
class ParkedContract : public StoreContract {};
class RouteStateContract : public StoreContract {};
class GapContract : public StoreContract {};
class AttemptContract : public StoreContract {};
class RetentionContract : public StoreContract {};
class FloorContract : public StoreContract {};
class StoreLifeContract : public StoreContract {};

// --- builders --------------------------------------------------------------------------------------

// Far enough away that only a hang reaches it.
Deadline soon();
EventId fresh_id();
// The same letter gives the same id.
EventId id_of(char letter);

// An event of `stream` in its default category, with a fresh id, unless the fields say otherwise.
EventRef event(Event fields);
store::AppendRequest request(std::vector<EventRef> events, store::ExpectedVersion expected = store::AnyVersion{},
                             store::KnownId known_id = store::KnownId::kIdsDecide);
// One event for each letter, with its id.
store::AppendRequest lettered(std::string_view stream, std::string_view letters,
                              store::ExpectedVersion expected = store::AnyVersion{});

// Name of the error's code; "ok" without one.
template <typename T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().code().name);
}

std::vector<std::int64_t> positions_of(const std::vector<EventRef>& events);
std::vector<std::int64_t> versions_of(const std::vector<EventRef>& events);
std::vector<EventRef> refs_of(const std::shared_ptr<const EventBatch>& batch);
std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t last);  // ascending or descending

}  // namespace penstock::tests

// Runs every suite over one kind of backend.
#define PENSTOCK_RUN_STORE_CONTRACT(prefix, kind)                                                  \
  INSTANTIATE_TEST_SUITE_P(prefix, AppendContract, testing::Values(kind), backend_name);           \
  INSTANTIATE_TEST_SUITE_P(prefix, AppendTextContract, testing::Values(kind), backend_name);       \
  INSTANTIATE_TEST_SUITE_P(prefix, IdempotencyContract, testing::Values(kind), backend_name);      \
  INSTANTIATE_TEST_SUITE_P(prefix, ConcurrencyContract, testing::Values(kind), backend_name);      \
  INSTANTIATE_TEST_SUITE_P(prefix, MultiStreamContract, testing::Values(kind), backend_name);      \
  INSTANTIATE_TEST_SUITE_P(prefix, ConditionContract, testing::Values(kind), backend_name);        \
  INSTANTIATE_TEST_SUITE_P(prefix, StreamContract, testing::Values(kind), backend_name);           \
  INSTANTIATE_TEST_SUITE_P(prefix, LogContract, testing::Values(kind), backend_name);              \
  INSTANTIATE_TEST_SUITE_P(prefix, CheckpointContract, testing::Values(kind), backend_name);       \
  INSTANTIATE_TEST_SUITE_P(prefix, SourceCheckpointContract, testing::Values(kind), backend_name); \
  INSTANTIATE_TEST_SUITE_P(prefix, LeaseContract, testing::Values(kind), backend_name);            \
  INSTANTIATE_TEST_SUITE_P(prefix, ParkedContract, testing::Values(kind), backend_name);           \
  INSTANTIATE_TEST_SUITE_P(prefix, RouteStateContract, testing::Values(kind), backend_name);       \
  INSTANTIATE_TEST_SUITE_P(prefix, RetentionContract, testing::Values(kind), backend_name);        \
  INSTANTIATE_TEST_SUITE_P(prefix, FloorContract, testing::Values(kind), backend_name);            \
  INSTANTIATE_TEST_SUITE_P(prefix, GapContract, testing::Values(kind), backend_name);              \
  INSTANTIATE_TEST_SUITE_P(prefix, AttemptContract, testing::Values(kind), backend_name);          \
  INSTANTIATE_TEST_SUITE_P(prefix, StoreLifeContract, testing::Values(kind), backend_name)
