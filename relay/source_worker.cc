#include "relay/source_worker.h"

#include <exception>
#include <utility>

namespace penstock::relay {
namespace {

constexpr std::chrono::seconds kOpenWait{10};
constexpr std::chrono::seconds kReadWait{1};  // an idle source is looked at again after this

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// What a source throws is a defect; it stops its route and nothing else.
template <typename Act>
auto without_exceptions(const Act& act) -> decltype(act()) {
  try {
    return act();
  } catch (const std::exception& defect) {
    return fail(codes::kInternal, std::string("the source failed in an unforeseen way: ") + defect.what());
  }
}

}  // namespace

SourceAnswer SourceWorker::carry_out(SourceCommand command, const std::stop_token& stop) {
  return std::visit(
      Overloaded{
          [&](const OpenSource& open_it) -> SourceAnswer { return SourceOpened{open(open_it.lease, stop)}; },
          [&](const ReadSource& read_it) -> SourceAnswer { return SourceRead{read(read_it.room, stop)}; },
          [&](const SettleSource& settle_it) -> SourceAnswer {
            return SourceSettled{settle_it.mark, settle(settle_it.mark)};
          },
          [&](const ParkRows& park_it) -> SourceAnswer {
            return RowsParked{without_exceptions([&] { return parked_.park(park_it.rows); })};
          },
          [&](const CloseSource&) -> SourceAnswer {
            (void)end_opening(Error(codes::kStopped, "the source is closed"));
            return SourceClosed{};
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

Status SourceWorker::open(const Lease& lease, const std::stop_token& stop) {
  Status opened = without_exceptions([&]() -> Status {
    auto kept = parked_.kept_by_reference(names_.route, names_.source);
    if (!kept) return fail(std::move(kept.error()).with_context("loading the keys of parked rows"));
    return source_.open({lease, std::move(*kept)}, Deadline::in(kOpenWait), stop);
  });
  if (!opened) return end_opening(std::move(opened.error()));
  opening_ = Opening::kOpen;
  return {};
}

Result<connectors::ReadBatch> SourceWorker::read(const connectors::ReadRoom& room, const std::stop_token& stop) {
  if (!is_open()) return fail(last_error_);
  auto batch = without_exceptions([&] { return source_.read(room, Deadline::in(kReadWait), stop); });
  if (!batch) return end_opening(std::move(batch.error()));
  return batch;
}

Status SourceWorker::settle(ReadMark mark) {
  if (!is_open()) return fail(last_error_);
  Status settled = without_exceptions([&] { return source_.settle(mark); });
  if (!settled) return end_opening(std::move(settled.error()));
  return settled;
}

Status SourceWorker::keep_alive() {
  if (!is_open()) return {};
  Status alive = without_exceptions([&] { return source_.keep_alive(); });
  if (!alive) return end_opening(std::move(alive.error()));
  return alive;
}

}  // namespace penstock::relay
