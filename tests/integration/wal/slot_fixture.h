// One source and its slot, opened again and again.
#pragma once

#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"

namespace penstock::tests {

class WalSlot : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
  }

  // Delivers one event through a first opening, and ends it.
  void deliver_one() {
    WalReader reader(*outbox_);
    ASSERT_TRUE(reader.open());
    outbox_->insert("a", 1);
    const auto items = reader.read(1);
    ASSERT_EQ(items.size(), 1u);
    ASSERT_TRUE(reader.source().settle(items[0].mark));
  }
  std::string code_of_opening() {
    WalReader reader(*outbox_);
    const auto opened = reader.open();
    return opened ? "opened" : std::string(opened.error().code().name);
  }
  // An opening that is no longer hindered by the end of an earlier one.
  std::string code_of_next_opening() {
    std::string code;
    eventually([&] { return (code = code_of_opening()) != "wal.slot_in_use"; });
    return code;
  }
  SourceCheckpoint stored() { return outbox_->checkpoints().load("orders").value().value(); }
  std::size_t gaps() { return outbox_->gaps().records().size(); }
  std::string slot(const std::string& what) {
    return outbox_->value("SELECT " + what + " FROM pg_replication_slots WHERE slot_name = '" +
                          outbox_->settings().slot + "'");
  }

  std::unique_ptr<WalOutbox> outbox_;
};

}  // namespace penstock::tests
