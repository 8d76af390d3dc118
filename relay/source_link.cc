#include "relay/source_link.h"

#include <utility>

#include "core/invariant.h"

namespace penstock::relay {
namespace {

constexpr std::chrono::milliseconds kLockedOutPoll{500};

}  // namespace

void SourceLink::open(const Lease& lease) {
  INVARIANT(phase_ == Phase::kClosed, "a source is opened when it is closed");
  phase_ = Phase::kOpening;
  ++unanswered_;
  read_at_ = {};
  port_.post(OpenSource{lease});
}

void SourceLink::read(const connectors::ReadRoom& room) {
  INVARIANT(may_read(), "one read at a time");
  read_ = Asked::kYes;
  ++unanswered_;
  port_.post(ReadSource{room, read_at_});
}

void SourceLink::settle(ReadMark mark) {
  INVARIANT(may_settle(), "one settling at a time");
  settle_ = Asked::kYes;
  ++unanswered_;
  port_.post(SettleSource{mark});
}

void SourceLink::close() {
  if (phase_ == Phase::kClosed || phase_ == Phase::kEnding) return;
  phase_ = Phase::kEnding;
  ++unanswered_;
  port_.post(CloseSource{});
}

void SourceLink::answered() {
  INVARIANT(unanswered_ > 0, "every answer belongs to a command");
  if (--unanswered_ == 0 && phase_ == Phase::kEnding) phase_ = Phase::kClosed;
}

std::optional<SourceLink::Ended> SourceLink::end(SourceStep step, Error error, SteadyTime now) {
  if (phase_ == Phase::kEnding) return std::nullopt;
  phase_ = Phase::kEnding;
  const SourceReaction reaction = react_to_source_error(step, error.kind());
  if (reaction == SourceReaction::kStandBy) {
    if (!locked_out_since_) locked_out_since_ = now;
    open_at_ = now + kLockedOutPoll;
  } else {
    locked_out_since_.reset();
    back_off_.failed(now);
    open_at_ = back_off_.until();
  }
  error_ = error;
  return Ended{reaction, std::move(error)};
}

std::optional<SourceLink::Ended> SourceLink::on_opened(Status status, SteadyTime now) {
  std::optional<Ended> ended;
  if (!status) {
    ended = end(SourceStep::kOpening, std::move(status.error()), now);
  } else if (phase_ == Phase::kOpening) {
    phase_ = Phase::kOpen;
    locked_out_since_.reset();
    error_.reset();
  }
  answered();
  return ended;
}

// Rows that are read are no proof that the source works: where they can't be settled they come again with each opening.
std::optional<SourceLink::Ended> SourceLink::on_read(SourceRead& answer, SteadyTime now) {
  read_ = Asked::kNo;
  std::optional<Ended> ended;
  if (!answer.batch) {
    ended = end(SourceStep::kOpen, std::move(answer.batch.error()), now);
  } else {
    read_at_ = answer.batch->items.empty() ? now + answer.batch->idle_for : SteadyTime{};
  }
  answered();
  return ended;
}

std::optional<SourceLink::Ended> SourceLink::on_settled(const Status& status, SteadyTime now) {
  settle_ = Asked::kNo;
  std::optional<Ended> ended;
  if (status)
    back_off_.succeeded();
  else
    ended = end(SourceStep::kOpen, status.error(), now);
  answered();
  return ended;
}

std::optional<SourceLink::Ended> SourceLink::on_lost(Error error, SteadyTime now) {
  if (phase_ != Phase::kOpen) return std::nullopt;
  auto ended = end(SourceStep::kOpen, std::move(error), now);
  if (unanswered_ == 0) phase_ = Phase::kClosed;
  return ended;
}

void SourceLink::on_closed() { answered(); }

}  // namespace penstock::relay
