#include "connectors/wal/start_check.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "connectors/outbox/cursor_place.h"
#include "connectors/wal/membership.h"

namespace penstock::wal {
namespace {

std::string words_of(const SourceCheckpoint& stored, const ServerIdentity& server) {
  return "timeline " + std::to_string(server.timeline) + ", but timeline " + std::to_string(stored.timeline) +
         " was read before";
}

Status check_timeline(const SourceCheckpoint& stored, const ServerIdentity& server, std::optional<Lsn> switch_point) {
  const std::string timelines = words_of(stored, server);
  if (server.timeline < stored.timeline)
    return fail(codes::kWalOtherServer, "the server is on " + timelines + ": it is an old primary");
  if (server.timeline > stored.timeline && !switch_point)
    return fail(codes::kWalOtherServer, "the server is on " + timelines + ", and doesn't know its end");
  return {};
}

// One that has taken the other's place, or a wrong address: that it is the right one says only who put the slot there.
Result<Start> judge_other_server(const SourceCheckpoint& stored, const ServerIdentity& server, const Progress& progress,
                                 const std::string& slot_name, std::optional<Lsn> slot_stands_at) {
  const std::string words =
      "the server is " + server.system_identifier + ", but " + stored.system_identifier + " was read before";
  if (!slot_stands_at)
    return fail(
        codes::kWalOtherServer,
        words +
            "; if it has taken that one's place (pg_upgrade, a restore into a new cluster), make the slot there, "
            "and what it doesn't bring is put on record: SELECT pg_create_logical_replication_slot('" +
            slot_name + "', 'pgoutput');");
  return LostLog{{codes::kWalOtherServer, words + ", and everything up to " + to_string(progress.settled) +
                                              " of its log was delivered; slot " + slot_name + " stands at " +
                                              to_string(*slot_stands_at) + " of this one's"},
                 progress.settled,
                 slot_stands_at};
}

// The server has come out of a failover that lost what was delivered.
std::optional<Error> find_lost_tail(const SourceCheckpoint& stored, const Progress& progress,
                                    const ServerIdentity& server, std::optional<Lsn> switch_point) {
  const Lsn furthest = progress.furthest();
  if (server.timeline == stored.timeline || !switch_point || furthest <= *switch_point) return std::nullopt;
  return Error(codes::kWalOtherServer, "the server is on " + words_of(stored, server) + ", which ended at " +
                                           to_string(*switch_point) + ": events up to " + to_string(furthest) +
                                           " were delivered and are lost in the database");
}

Error not_of_the_log(const SourceCheckpoint& stored) {
  const std::string position = "the stored position \"" + stored.position + "\" ";
  if (!outbox::parse_ranges(stored.position) && !outbox::parse_xid_place(stored.position))
    return {codes::kInternal, position + "can't be read"};
  return {
      codes::kWalRefused,
      position +
          "is none of the log: under this name the table was polled with policy \"cursor\", and that doesn't say "
          "where the log goes on. Set kind = \"outbox\" again, or read the log under another name, from its slot on"};
}

}  // namespace

bool is_readable(const SlotState& slot) { return slot.confirmed_flush && slot.wal_status != "lost"; }

Status check_slot(const SlotState& slot, const std::string& name, const std::string& database) {
  if (slot.prepared == SlotState::Prepared::kBeforeCommit)
    return fail(codes::kWalRefused, "slot " + name +
                                        " hands over prepared transactions before they are committed (two_phase); one "
                                        "that was made without it is needed");
  if (slot.kind == "logical" && slot.plugin == "pgoutput" && slot.database == database) return {};
  return fail(codes::kWalRefused, "slot " + name + " is " + slot.kind + ", of plugin " +
                                      (slot.plugin.empty() ? "none" : slot.plugin) + " and database " +
                                      (slot.database.empty() ? "none" : slot.database) +
                                      "; a logical one of pgoutput and database " + database + " is needed");
}

Result<Start> judge_start(const std::optional<SourceCheckpoint>& stored, const std::optional<SlotState>& slot,
                          const std::string& slot_name, const ServerIdentity& server, std::optional<Lsn> switch_point) {
  const std::optional<Lsn> stands_at = slot && is_readable(*slot) ? slot->confirmed_flush : std::nullopt;
  if (!stored || stored->position == kPolledPosition) {
    if (!slot && stored)
      return fail(codes::kWalSlotMissing, "the source was polled since it last read the log, and there is no slot " +
                                              slot_name + ": one that is made now would pass what is in the table");
    if (!slot) return FirstStart{};
    if (!stands_at) return fail(codes::kWalSlotLost, "slot " + slot_name + " was invalidated before it was read");
    return Progress{*stands_at, {}};
  }
  const auto own = parse_own_position(stored->position);
  if (!own) return fail(not_of_the_log(*stored));
  const Progress* const progress = &own->progress;
  if (stored->system_identifier != server.system_identifier)
    return judge_other_server(*stored, server, *progress, slot_name, stands_at);
  if (auto same = check_timeline(*stored, server, switch_point); !same) return fail(std::move(same.error()));
  if (auto lost = find_lost_tail(*stored, *progress, server, switch_point))
    return LostLog{std::move(*lost), *switch_point, stands_at};
  const std::string delivered = progress->settled == Lsn{}
                                    ? "nobody knows to where the server was set back"
                                    : "everything up to " + to_string(progress->settled) + " was delivered";
  if (!slot)
    return LostLog{{codes::kWalSlotLost, "slot " + slot_name + " is gone; " + delivered}, progress->settled, {}};
  if (!stands_at)
    return LostLog{{codes::kWalSlotLost,
                    "slot " + slot_name + " was invalidated (wal_status " + slot->wal_status + "); " + delivered},
                   progress->settled,
                   {}};
  if (*stands_at > progress->settled) {
    const std::string words = progress->settled == Lsn{} ? delivered + ", and what was committed before may not be read"
                                                         : "but only " + delivered;
    return LostLog{{codes::kWalSlotAhead, "slot " + slot_name + " stands at " + to_string(*stands_at) + ", " + words},
                   progress->settled,
                   stands_at};
  }
  return *progress;
}

std::optional<Lsn> find_place_after_set_back(const SourceCheckpoint& stored, const Progress& progress,
                                             const std::optional<SlotState>& slot, const ServerIdentity& server,
                                             Lsn log_end) {
  if (stored.system_identifier != server.system_identifier || stored.timeline != server.timeline) return std::nullopt;
  if (progress.furthest() <= log_end) return std::nullopt;
  if (!slot || !is_readable(*slot)) return Lsn{};
  return std::min(log_end, *slot->confirmed_flush);
}

GapOnRecord judge_gap(const LostLog& lost, Lsn end, const std::vector<SourceGaps::Recorded>& known) {
  GapOnRecord found{{}, {}, GapOnRecord::Is::kAcknowledged};
  Position reached = position_of(lost.from);
  // Otherwise only a record that ends at the slot is of this gap: places of a log that is gone lead to none of this
  // one.
  const bool is_of_one_log = lost.from != Lsn{} && &lost.why.code() != &codes::kWalOtherServer;
  // Of records that begin at the same place one that is acknowledged goes before, then the longest.
  const auto goes_before = [](const SourceGaps::Recorded& left, const SourceGaps::Recorded& right) {
    return std::pair(left.is == SourceGaps::Recorded::Is::kAcknowledged, left.gap.to) >
           std::pair(right.is == SourceGaps::Recorded::Is::kAcknowledged, right.gap.to);
  };
  while (found.names.empty() || reached < position_of(end)) {
    const SourceGaps::Recorded* next = nullptr;
    for (const SourceGaps::Recorded& record : known) {
      // It names what the slot leaves out, and not what it would have brought.
      if (record.gap.reason == codes::kWalPublicationMissing.name) continue;
      // It leads into the log of another server.
      if (is_of_one_log && record.gap.reason == codes::kWalOtherServer.name) continue;
      // One that ends before it begins names a place in the log of another server, or timeline.
      const bool may_lead_back = found.names.empty() && (record.gap.to == reached || record.gap.to == position_of(end));
      const bool leads_on = record.gap.from == reached && (record.gap.to > reached || may_lead_back) &&
                            (is_of_one_log || record.gap.to == position_of(end));
      if (leads_on && (next == nullptr || goes_before(record, *next))) next = &record;
    }
    if (next == nullptr) {
      found.missing = {std::string(lost.why.code().name), reached, position_of(end)};
      found.is = GapOnRecord::Is::kOpen;
      return found;
    }
    if (next->is == SourceGaps::Recorded::Is::kOpen) found.is = GapOnRecord::Is::kOpen;
    reached = std::max(reached, next->gap.to);
    found.names.push_back(*next);
  }
  return found;
}

std::optional<Lsn> switch_point_in(std::string_view history, std::int64_t ended) {
  for (std::size_t at = 0; at < history.size();) {
    const auto end = std::min(history.find('\n', at), history.size());
    const std::string_view line = history.substr(at, end - at);
    at = end + 1;
    std::int64_t timeline = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), timeline);
    if (error != std::errc() || timeline != ended) continue;
    std::string_view words = line.substr(static_cast<std::size_t>(rest - line.data()));
    words.remove_prefix(std::min(words.find_first_not_of(" \t"), words.size()));
    return parse_lsn(words.substr(0, words.find_first_of(" \t")));
  }
  return std::nullopt;
}

}  // namespace penstock::wal
