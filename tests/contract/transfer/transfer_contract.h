// Moving a store through an archive, as suites that are parametrised by the two ends.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/archive/exporter.h"
#include "store/archive/importer.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {

// A database of one backend: fresh, empty and migrated, gone when destroyed.
class TransferEnd {
 public:
  virtual ~TransferEnd() = default;
  virtual std::unique_ptr<store::Store> open() = 0;
  virtual std::unique_ptr<store::Transfer> open_transfer() = 0;
};

using MakeEnd = std::function<std::unique_ptr<TransferEnd>()>;

std::unique_ptr<TransferEnd> make_sqlite_end();
std::unique_ptr<TransferEnd> make_postgres_end();

struct Pair {
  std::string name;
  MakeEnd from, to;
  std::function<std::string()> reason_missing = [] { return std::string(); };  // empty: it can be used
};

void PrintTo(const Pair& pair, std::ostream* out);
std::string pair_name(const testing::TestParamInfo<Pair>& parameter);

// What a test holds of one end.
struct End {
  explicit End(const MakeEnd& make) : database(make()), store(database->open()), transfer(database->open_transfer()) {}
  std::unique_ptr<TransferEnd> database;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::Transfer> transfer;
};

class TransferContract : public testing::TestWithParam<Pair> {
 protected:
  void SetUp() override;

  // Made when they are first asked for.
  End& from() { return end(from_, GetParam().from); }
  End& to() { return end(to_, GetParam().to); }
  std::string path(const std::string& name = "a.jsonl") const { return folder_.file(name); }

  // Appends an event without surprises.
  void append(End& end, const std::string& stream, const std::string& type = "placed");
  std::string try_to_append(End& end, const std::string& stream);  // the code, or "ok"

  // These fail the test where they fail.
  store::archive::ExportSummary export_from(End& end, store::archive::ExportSettings settings = {});
  store::archive::ImportSummary import_to(End& end, store::archive::ImportSettings settings = {});
  // "code: message", or "ok".
  std::string import_error(End& end, store::archive::ImportSettings settings = {});

  // Every row of the log with all that it has, a line each; and the same with what else is kept.
  static std::string rows_of(End& end);
  static std::vector<std::string> lines_of(const std::string& path);

 private:
  static End& end(std::optional<End>& made, const MakeEnd& make) { return made ? *made : made.emplace(make); }

  TemporaryFolder folder_;
  std::optional<End> from_, to_;
};

class MoveContract : public TransferContract {};
class FloorMoveContract : public TransferContract {
 protected:
  // Five events in the first end, of which two are left.
  void fill_and_drop();
  // What `store check` says of the second end.
  void expect_sound();
};
class ClosingContract : public TransferContract {};

template <typename T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().code().name);
}

}  // namespace penstock::tests

#define PENSTOCK_RUN_MOVE_CONTRACT(...)                                                   \
  INSTANTIATE_TEST_SUITE_P(Pairs, MoveContract, testing::Values(__VA_ARGS__), pair_name); \
  INSTANTIATE_TEST_SUITE_P(Pairs, FloorMoveContract, testing::Values(__VA_ARGS__), pair_name)
// Looks at the second end only.
#define PENSTOCK_RUN_CLOSING_CONTRACT(pair) \
  INSTANTIATE_TEST_SUITE_P(Pairs, ClosingContract, testing::Values(pair), pair_name)
