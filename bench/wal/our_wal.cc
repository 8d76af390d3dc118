// The source itself, through its contract: events are read, counted and settled, and nothing is made of them.
#include <iostream>

#include "bench/commands.h"
#include "bench/store/open_store.h"
#include "connectors/outbox/profiles.h"
#include "connectors/wal/wal_source.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"

namespace penstock::bench {
namespace {

constexpr connectors::ReadRoom kRoom{
    .events = 5'000, .bytes = 16 << 20, .window = connectors::ReadRoom::Window::kEmpty};

wal::WalSettings settings_of(const Arguments& arguments) {
  wal::WalSettings settings;
  settings.rows.source_name = "bench";
  settings.rows.url = Secret(arguments.text("url"));
  settings.rows.table = {"shop", "outbox"};
  settings.rows.order_by = "seq";
  settings.rows.columns = outbox::columns_of(*outbox::find_profile("debezium"));
  settings.rows.columns[outbox::Role::kOccurredAt].text = "created_at";
  settings.slot = arguments.text("slot");
  settings.publication = arguments.text("publication");
  return settings;
}

void throw_if_failed(const Status& status) {
  if (!status) throw std::runtime_error(status.error().describe());
}

}  // namespace

int read_from_wal(const Arguments& arguments) {
  const SystemClock clock;
  SystemRandom random;
  StandardErrorLog log;
  tests::MemorySourceCheckpoints checkpoints;
  tests::MemorySourceGaps gaps;
  const auto source = wal::make_wal_source(settings_of(arguments), checkpoints, gaps, {clock, random, log, "bench"});
  throw_if_failed(source->open({}, Deadline::in(std::chrono::seconds(10)), {}));
  const auto wanted = static_cast<std::size_t>(arguments.number("events"));
  for (std::size_t events = 0; events < wanted;) {
    const auto batch = source->read(kRoom, Deadline::in(std::chrono::seconds(1)), {});
    if (!batch) throw std::runtime_error(batch.error().describe());
    if (batch->items.empty()) continue;
    events += batch->items.size();
    throw_if_failed(source->settle(batch->items.back().mark));
  }
  source->close();
  std::cout << "{\"events\": " << wanted << "}\n";
  return 0;
}

}  // namespace penstock::bench
