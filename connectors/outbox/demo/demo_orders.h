// The orders service of `penstock demo`: an SQLite database with orders and an outbox table, written
// to in transactions the way any service would. Knows nothing of the relay.
//
// Threads: one caller at a time. Errors: outbox.unavailable with SQLite's words.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/error.h"
#include "core/ids.h"

namespace penstock::outbox {

struct DemoOrderEvent {
  EventId id;
  std::string order;  // number of the order: the key
  std::string type;
  std::string payload;  // JSON
  int amount = 0;       // what the event adds to the order
};

class DemoOrders {
 public:
  // Makes the database and its tables; the file must not exist.
  static Result<std::unique_ptr<DemoOrders>> create(const std::string& path);
  ~DemoOrders();
  DemoOrders(const DemoOrders&) = delete;
  DemoOrders& operator=(const DemoOrders&) = delete;

  // Changes the orders and writes the events, in one transaction.
  enum class Ending { kCommit, kRollBack };
  Status write(std::span<const DemoOrderEvent> events, Ending ending);

 private:
  struct Database;
  explicit DemoOrders(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace penstock::outbox
