#include "tests/contract/source/source_contract.h"
#include "tests/support/memory_source.h"

namespace penstock::tests {
namespace {

class Memory final : public SourceTable {
 public:
  std::unique_ptr<connectors::Source> make_source() override { return std::make_unique<MemorySource>(table_); }
  void write(std::string_view key, int number) override {
    table_.add(counted_event(key, static_cast<std::uint64_t>(number)));
  }
  bool write_malformed() override {
    table_.add(connectors::MalformedRow{"7", "a", "outbox.row_malformed", "table memory: is empty", "{}"});
    return true;
  }
  std::size_t unsettled() override { return table_.rows() - table_.settled(); }

 private:
  MemoryTable table_;
};

PENSTOCK_RUN_SOURCE_CONTRACT((SourceTableKind{"Memory", [] { return std::make_unique<Memory>(); }}));

}  // namespace
}  // namespace penstock::tests
