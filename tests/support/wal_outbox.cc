#include "tests/support/wal_outbox.h"

#include <algorithm>
#include <iterator>

#include "connectors/wal/membership.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

// What the log will bring can't be told from what it will not, except by who wrote it.
class PatientSource final : public connectors::Source {
 public:
  PatientSource(std::unique_ptr<connectors::Source> source, WalOutbox& outbox)
      : source_(std::move(source)), outbox_(outbox) {}

  Status open(const connectors::OpenRequest& request, Deadline deadline, std::stop_token stop) override {
    known_ = outbox_.inserted() - outbox_.unsettled();
    // The server needs a moment to notice the end of an earlier opening.
    Status opened;
    eventually(
        [&] {
          opened = source_->open(request, deadline, stop);
          return opened || opened.error().kind() != ErrorKind::kConflict;
        },
        Deadline::in(2s));
    return opened;
  }
  Result<connectors::ReadBatch> read(const connectors::ReadRoom& room, Deadline deadline,
                                     std::stop_token stop) override {
    connectors::ReadBatch all;
    connectors::ReadRoom left = room;
    do {
      const bool waits = known_ < outbox_.inserted() && left.events > 0;
      auto batch = source_->read(left, waits ? Deadline::in(20s) : deadline, stop);
      if (!batch) return batch;
      if (batch->items.empty()) break;
      known_ += batch->items.size();
      left.events -= batch->items.size();
      left.window = connectors::ReadRoom::Window::kInUse;
      std::ranges::move(batch->items, std::back_inserter(all.items));
    } while (known_ < outbox_.inserted() && left.events > 0);
    return all;
  }
  Status settle(ReadMark mark) override { return source_->settle(mark); }
  Status keep_alive() override { return source_->keep_alive(); }
  void close() override { source_->close(); }
  connectors::SourceFigures figures() const override { return source_->figures(); }

 private:
  std::unique_ptr<connectors::Source> source_;
  WalOutbox& outbox_;
  std::size_t known_ = 0;
};

}  // namespace

std::string WalOutbox::table_statement(std::string_view columns) {
  return "CREATE SCHEMA shop; CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
         " id uuid DEFAULT gen_random_uuid(), aggregatetype varchar(255), aggregateid varchar(255),"
         " type varchar(255), payload jsonb" +
         std::string(columns) + ")";
}

WalOutbox::WalOutbox(std::string_view columns, FreshDatabase::Encoding encoding) : database_(encoding) {
  execute(table_statement(columns));
  settings_.rows.source_name = "orders";
  settings_.rows.url = Secret(database_.url());
  settings_.rows.table = {"shop", "outbox"};
  settings_.rows.order_by = "seq";
  settings_.rows.columns = outbox::columns_of(*outbox::find_profile("debezium"));
  settings_.slot = database_.name();
  std::ranges::replace(settings_.slot, '-', '_');
  settings_.publication = "p";
}

WalOutbox::~WalOutbox() {
  try {
    drop_slot();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
}

std::unique_ptr<connectors::Source> WalOutbox::make_source() {
  return wal::make_wal_source(settings_, checkpoints_, gaps_, surroundings_);
}

std::unique_ptr<connectors::Source> WalOutbox::make_patient_source() {
  return std::make_unique<PatientSource>(make_source(), *this);
}

connectors::OpenRequest WalOutbox::request() { return {{"route/r", "me", Epoch{++epoch_}}, {}}; }

void WalOutbox::create_publication_and_slot() {
  execute(wal::create_publication_statement(settings_));
  execute(wal::create_slot_statement(settings_, 150'000));
}

// A walsender whose client has gone needs a moment to notice.
void WalOutbox::drop_slot() {
  const std::string slot = " FROM pg_replication_slots WHERE slot_name = '" + settings_.slot + "'";
  execute("SELECT pg_terminate_backend(active_pid)" + slot + " AND active");
  eventually([&] { return value("SELECT count(*)" + slot + " AND active") == "0"; });
  execute("SELECT pg_drop_replication_slot(slot_name)" + slot);
}

std::string WalOutbox::insert_statement(std::string_view key, int number, std::string_view type) {
  return "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) VALUES ('order', '" + std::string(key) +
         "', '" + std::string(type) + "', '" + std::to_string(number) + "');";
}

void WalOutbox::insert(std::string_view key, int number, std::string_view type) {
  // In one transaction: what others write before it may be settled already.
  const std::string before = value(insert_statement(key, number, type) + " SELECT pg_current_wal_insert_lsn()");
  before_.push_back(wal::parse_lsn(before).value_or(wal::Lsn{0}));
}

std::size_t WalOutbox::unsettled() {
  const auto own = wal::parse_own_position(checkpoints_.position(settings_.rows.source_name));
  if (!own) return before_.size();
  return static_cast<std::size_t>(
      std::ranges::count_if(before_, [&](wal::Lsn before) { return before >= own->progress.settled; }));
}

}  // namespace penstock::tests
