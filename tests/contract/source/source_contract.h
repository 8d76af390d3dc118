// What every source must do, as a suite that is parametrised by a table of its kind. README.md in this
// folder says how another source runs it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/source.h"

namespace penstock::tests {

// Where the events of one kind of source lie: fresh and empty for one test, gone when destroyed.
class SourceTable {
 public:
  virtual ~SourceTable() = default;

  // One relay's source. Several may be made for one table.
  virtual std::unique_ptr<connectors::Source> make_source() = 0;
  virtual connectors::OpenRequest request();

  // Commits one event of stream "order-<key>" whose data is the number in decimal.
  virtual void write(std::string_view key, int number) = 0;
  // Commits something that no event can be made of; false where a source has no such thing.
  virtual bool write_malformed() { return false; }
  // How many events or rows are not settled, by what is durable.
  virtual std::size_t unsettled() = 0;

 private:
  std::int64_t epoch_ = 0;
};

struct SourceTableKind {
  std::string name;
  std::function<std::unique_ptr<SourceTable>()> make;
  std::function<std::string()> reason_missing = [] { return std::string(); };  // empty: it can be used
};

void PrintTo(const SourceTableKind& kind, std::ostream* out);

class SourceContract : public testing::TestWithParam<SourceTableKind> {
 protected:
  void SetUp() override;

  SourceTable& table() { return *table_; }
  void write(int first, int last, std::string_view key = "a");
  // Opened, or the test has failed.
  std::unique_ptr<connectors::Source> open();
  Status open(connectors::Source& source);
  // What can be read until nothing comes any more.
  static std::vector<connectors::ReadItem> read_all(connectors::Source& source);
  static connectors::ReadBatch read(connectors::Source& source, const connectors::ReadRoom& room);

 private:
  std::unique_ptr<SourceTable> table_;
};

inline constexpr connectors::ReadRoom kMuchRoom{1'000, 16 << 20, connectors::ReadRoom::Window::kEmpty};

// The data of the events, separated by blanks; a malformed row is `!`.
std::string data_of(const std::vector<connectors::ReadItem>& items);

// For one of several kinds in a file, under a name of its own.
#define PENSTOCK_RUN_SOURCE_CONTRACT_AS(suite, kind)                     \
  INSTANTIATE_TEST_SUITE_P(suite, SourceContract, testing::Values(kind), \
                           [](const auto& parameter) { return parameter.param.name; })
#define PENSTOCK_RUN_SOURCE_CONTRACT(kind) PENSTOCK_RUN_SOURCE_CONTRACT_AS(Source, kind)

}  // namespace penstock::tests
