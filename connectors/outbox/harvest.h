// Turns what one scan finds into events and malformed rows. Lives as long as one read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/row_mapping.h"
#include "connectors/outbox/rows_in_flight.h"
#include "connectors/source.h"
#include "core/event.h"

namespace penstock::outbox {

class Harvest final : public RowReceiver {
 public:
  struct Found {
    RowKey key;
    RowsInFlight::Then then;
    std::unique_ptr<connectors::MalformedRow> malformed;  // null: the next event of the batch
  };

  // What becomes of a settled row that has no id.
  enum class Nameless { kIsSettled, kStays };

  // `mapping` and `in_flight`, ascending, outlive it. Rows with a number of those are passed over.
  Harvest(RowMapping& mapping, std::size_t id_column, Nameless nameless, std::span<const std::int64_t> in_flight,
          std::size_t most_rows);

  void whole_row(const Row& row) override;
  void large_row(const Row& row, const RowSize& size, std::optional<std::string_view> key) override;

  EventBatchBuilder& builder() { return builder_; }
  std::vector<Found>& found() { return found_; }
  std::span<const std::int64_t> numbers() const { return numbers_; }
  std::uint64_t rereads() const { return rereads_; }

 private:
  bool is_reread(std::int64_t number);

  RowMapping& mapping_;
  const std::size_t id_column_;
  const Nameless nameless_;
  const std::span<const std::int64_t> in_flight_;
  EventBatchBuilder builder_;
  std::vector<Found> found_;
  std::vector<std::int64_t> numbers_;
  std::uint64_t rereads_ = 0;
};

}  // namespace penstock::outbox
