#include "connectors/wal/slot_watch.h"

namespace penstock::wal {
namespace {

constexpr int kPatience = 6;  // looks

std::string megabytes(std::int64_t bytes) { return std::to_string(bytes / (1 << 20)) + " MB"; }

}  // namespace

SlotWatch::Level SlotWatch::level_of(const SlotRoom& room) {
  if (!room.safe_bytes || room.limit_bytes <= 0) return Level::kRoomy;
  if (*room.safe_bytes < room.limit_bytes / 4) return Level::kBelowQuarter;
  return *room.safe_bytes < room.limit_bytes / 2 ? Level::kBelowHalf : Level::kRoomy;
}

std::vector<SlotWatch::News> SlotWatch::look(const SlotRoom& room, Heartbeat heartbeat) {
  std::vector<News> news;
  if (const Level level = level_of(room); level != level_) {
    const std::string left = megabytes(room.safe_bytes.value_or(room.limit_bytes)) + " of " +
                             megabytes(room.limit_bytes) + " (max_slot_wal_keep_size) are left";
    if (level == Level::kBelowQuarter)
      news.push_back({LogLevel::kError, codes::kWalSlotNearLimit.name,
                      left + " before the server gives it up, and events are lost"});
    else if (level == Level::kBelowHalf && level_ == Level::kRoomy)
      news.push_back({LogLevel::kWarn, codes::kWalSlotNearLimit.name, left + " before the server gives it up"});
    else
      news.push_back({LogLevel::kInfo, {}, left + " again before the server gives it up"});
    level_ = level;
  }
  switch (heartbeat) {
    case Heartbeat::kBack:
      if (looks_without_ >= kPatience) news.push_back({LogLevel::kInfo, {}, "heartbeats come back again"});
      looks_without_ = 0;
      break;
    case Heartbeat::kBehindOthers: break;
    case Heartbeat::kUnderWay:
      if (++looks_without_ != kPatience) break;
      news.push_back({LogLevel::kWarn, codes::kWalStalled.name, "what is written to the log does not come back"});
      break;
  }
  return news;
}

}  // namespace penstock::wal
