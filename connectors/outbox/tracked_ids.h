// The rows that a source which tracks ids has found: first they wait, in their order, then they are in flight, then
// they are settled and forgotten. Each has a number, from 1 on, for as long as the opening lasts. Pure bookkeeping,
// single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::outbox {

class TrackedIds {
 public:
  // Behind all others.
  void found(std::string id) { ids_.push_back(std::move(id)); }

  std::size_t waiting() const { return ids_.size() - in_flight_; }
  // Of the first that waits, or will.
  std::int64_t next() const { return first_ + static_cast<std::int64_t>(in_flight_); }
  // At most so many of those that wait. Views live until the id is settled.
  std::vector<std::string_view> waiting_ids(std::size_t most) const;

  // Everything up to this number is in flight from now on, or gone from the table.
  void hand_out_to(std::int64_t number);
  std::vector<std::string_view> in_flight() const;

  // What is in flight has none of the table's rows behind this number: where nothing is in flight up to it, all are
  // gone.
  void gone_behind(std::int64_t number);

  // Of a number that is not settled.
  const std::string& id_of(std::int64_t number) const;
  // Everything up to this number.
  void settled_to(std::int64_t number);

 private:
  std::deque<std::string> ids_;
  std::int64_t first_ = 1;     // number of ids_.front()
  std::size_t in_flight_ = 0;  // so many of ids_ are
};

}  // namespace penstock::outbox
