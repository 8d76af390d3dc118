#include "relay/source_worker.h"

#include <utility>

#include "core/overloaded.h"
#include "core/without_exceptions.h"

namespace penstock::relay {
namespace {

constexpr std::chrono::seconds kOpenWait{10};
constexpr std::chrono::seconds kReadWait{1};  // an idle source is looked at again after this

}  // namespace

SourceAnswer SourceWorker::carry_out(SourceCommand command, const std::stop_token& stop) {
  return std::visit(
      Overloaded{
          [&](const OpenSource& open_it) -> SourceAnswer { return open(open_it.lease, stop); },
          [&](const ReadSource& read_it) -> SourceAnswer {
            auto batch = read(read_it.room, stop);
            return SourceRead{std::move(batch),
                              stop.stop_requested() ? SourceRead::Cut::kShort : SourceRead::Cut::kNot};
          },
          [&](const SettleSource& settle_it) -> SourceAnswer {
            return SourceSettled{settle_it.mark, settle(settle_it.mark)};
          },
          [&](const ParkRows& park_it) -> SourceAnswer {
            return RowsParked{without_exceptions("the source", [&] { return parked_.park(park_it.rows); })};
          },
          [&](const CloseSource&) -> SourceAnswer {
            (void)end_opening(Error(codes::kStopped, "the source is closed"));
            return SourceClosed{};
          },
          [&](const BeginAttempt& begin_it) -> SourceAnswer { return AttemptBegun{begin(begin_it.row)}; },
          [&](const TakeBack& take_back) -> SourceAnswer {
            return TakenBack{take_back.what, without_exceptions("the source", [&] {
                               return take_back.what == TakeBack::What::kAll ? book_.forget() : book_.end();
                             })};
          },
      },
      command);
}

tl::unexpected<Error> SourceWorker::end_opening(Error error) {
  opening_ = Opening::kNone;
  source_.close();
  last_error_ = error;
  return fail(std::move(error));
}

SourceOpened SourceWorker::open(const Lease& lease, const std::stop_token& stop) {
  std::uint32_t unended = 0;
  Status opened = without_exceptions("the source", [&]() -> Status {
    auto kept = parked_.kept_by_reference(names_.route, names_.source);
    if (!kept) return fail(std::move(kept.error()).with_context("loading the keys of parked rows"));
    if (auto source = source_.open({lease, std::move(*kept)}, Deadline::in(kOpenWait), stop); !source) return source;
    // A program that waits for its source, and is stopped then, has crashed of no row.
    auto entered = book_.enter();
    if (!entered) return fail(std::move(entered.error()));
    unended = *entered;
    return {};
  });
  if (!opened) return {end_opening(std::move(opened.error()))};
  opening_ = Opening::kOpen;
  return {{}, unended};
}

Result<connectors::ReadBatch> SourceWorker::read(const connectors::ReadRoom& room, const std::stop_token& stop) {
  if (!is_open()) return fail(last_error_);
  auto batch = without_exceptions("the source", [&] { return source_.read(room, Deadline::in(kReadWait), stop); });
  if (!batch) return end_opening(std::move(batch.error()));
  return batch;
}

Status SourceWorker::settle(ReadMark mark) {
  if (!is_open()) return fail(last_error_);
  Status settled = without_exceptions("the source", [&] { return source_.settle(mark); });
  if (!settled) return end_opening(std::move(settled.error()));
  return settled;
}

// Without its count no row is tried, so a store that refuses it ends the opening.
Result<AttemptBook::Verdict> SourceWorker::begin(const std::string& row) {
  if (!is_open()) return fail(last_error_);
  auto begun = without_exceptions("the source", [&] { return book_.begin(row); });
  if (!begun) return end_opening(std::move(begun.error()));
  return begun;
}

Status SourceWorker::keep_alive() {
  if (!is_open()) return {};
  Status alive = without_exceptions("the source", [&] { return source_.keep_alive(); });
  if (!alive) return end_opening(std::move(alive.error()));
  return alive;
}

}  // namespace penstock::relay
