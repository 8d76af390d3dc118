// Watches a slot: how near the server is to giving it up, and whether what is written
// comes back through it. Says each change once. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/wal/wal_database.h"
#include "core/log.h"

namespace penstock::wal {

class SlotWatch {
 public:
  struct News {
    LogLevel level;
    std::string_view code;  // empty when a fault has ended
    std::string words;
  };
  // kBehindOthers: it is under way, and so much is written before it that the stream is still at that.
  enum class Heartbeat { kBack, kBehindOthers, kUnderWay };

  // One look, at most every few seconds. `heartbeat`: what has become of the last one.
  std::vector<News> look(const SlotRoom& room, Heartbeat heartbeat);
  // Those that are under way are of a stream that has ended.
  void forget_heartbeats() { looks_without_ = 0; }

 private:
  enum class Level { kRoomy, kBelowHalf, kBelowQuarter };
  static Level level_of(const SlotRoom& room);

  Level level_ = Level::kRoomy;
  int looks_without_ = 0;  // since a heartbeat came back
};

}  // namespace penstock::wal
