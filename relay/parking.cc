#include "relay/parking.h"

#include <algorithm>
#include <iterator>

#include "core/json_text.h"

namespace penstock::relay {
namespace {

constexpr std::size_t kRowsAtOnce = 100;
constexpr std::size_t kBytesAtOnce = 4 << 20;

}  // namespace

void Parking::add(Slot slot, store::ParkedAs as) { waiting_.push_back({slot, as}); }

void Parking::pursue(DeliveryTracker& tracker, SteadyTime now) {
  if (is_writing() || waiting_.empty() || now < back_off_.until()) return;
  ParkRows command;
  std::size_t bytes = 0, count = 0;
  while (count < std::min(waiting_.size(), kRowsAtOnce) && bytes < kBytesAtOnce) {
    const Written& next = waiting_[count++];
    command.rows.push_back(parked_row_of(tracker.at(next.slot), next.as, names_));
    bytes += command.rows.back().content.size();
  }
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  being_written_.assign(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  write_ = Write::kAsked;
  port_.post(std::move(command));
}

Parking::Answer Parking::on_parked(Status status, SteadyTime now) {
  write_ = Write::kNone;
  Answer answer;
  if (being_written_.empty()) return answer;
  if (status) {
    back_off_.succeeded();
    error_.reset();
    answer.written = std::move(being_written_);
  } else {
    back_off_.failed(now);
    error_ = std::move(status.error());
    answer.reaction = react_to_park_error(error_->kind());
    waiting_.insert(waiting_.begin(), being_written_.begin(), being_written_.end());
  }
  being_written_.clear();
  return answer;
}

void Parking::clear() {
  waiting_.clear();
  being_written_.clear();
  error_.reset();
}

SteadyTime Parking::next_due() const {
  return is_writing() || waiting_.empty() ? SteadyTime::max() : back_off_.until();
}

store::ParkedEvent parked_row_of(const Delivery& delivery, store::ParkedAs as, const Parking::Names& names) {
  store::ParkedEvent row;
  row.as = as;
  row.route = names.route;
  row.source = names.source;
  if (delivery.malformed) {
    const connectors::MalformedRow& malformed = *delivery.malformed;
    row.source_key = malformed.source_key;
    row.key = malformed.key;
    row.code = malformed.code;
    row.reason = malformed.reason;
    row.content = malformed.content;
    row.kept = malformed.kept == connectors::MalformedRow::Kept::kByReference ? store::ParkedEvent::Kept::kByReference
                                                                              : store::ParkedEvent::Kept::kWhole;
    return row;
  }
  const Event& event = *delivery.message.event;
  row.source_key = event.position ? std::to_string(event.position->value) : std::string(event.source_position);
  row.event_id = event.id;
  if (event.key) row.key = std::string(*event.key);
  row.position = event.position;
  row.code = delivery.refusal ? delivery.refusal->code().name : codes::kInternal.name;
  row.reason = delivery.refusal ? delivery.refusal->message() : "the sink refused it and gave no reason";
  append_event_json(row.content, event);
  return row;
}

}  // namespace penstock::relay
