#include "connectors/rabbitmq/confirm_window.h"

#include <array>

namespace penstock::rabbitmq {

using connectors::Outcome;

std::uint64_t ConfirmWindow::published(const Accepted& accepted) {
  entries_.push_back({.accepted = accepted, .returned = nullptr});
  ++outstanding_;
  return first_ + entries_.size() - 1;
}

bool ConfirmWindow::returned(std::string_view message_id, std::string_view exchange, std::string_view routing_key,
                             std::shared_ptr<const Error> error) {
  const auto matches = [&](const Entry& entry) {
    if (entry.is == Entry::Is::kSettled || entry.returned) return false;
    const connectors::Message& message = *entry.accepted.message;
    if (message.destination != exchange || message.routing_key != routing_key) return false;
    std::array<char, EventId::kTextLength> id{};
    message.event->id.write_text(id.data());
    return message_id == std::string_view(id.data(), id.size());
  };
  // Returns come in the order of publishing; the second round is for a broker that thinks otherwise.
  const std::size_t start = last_returned_ >= first_ ? static_cast<std::size_t>(last_returned_ - first_ + 1) : 0;
  for (std::size_t step = 0; step < entries_.size(); ++step) {
    const std::size_t index = (start + step) % entries_.size();
    if (!matches(entries_[index])) continue;
    entries_[index].returned = std::move(error);
    last_returned_ = first_ + index;
    return true;
  }
  return false;
}

bool ConfirmWindow::confirmed(std::uint64_t number, Reach reach, Confirm confirm,
                              const std::shared_ptr<const Error>& nack_error, std::vector<Settled>& out) {
  const std::uint64_t last = first_ + entries_.size() - 1;
  if (reach == Reach::kUpTo && number == 0) number = last;  // "all so far", says the protocol
  if (number > last || number == 0) return false;
  if (number < first_) return true;
  const auto index = static_cast<std::size_t>(number - first_);
  for (std::size_t i = reach == Reach::kUpTo ? 0 : index; i <= index; ++i)
    settle(entries_[i], confirm, nack_error, out);
  while (!entries_.empty() && entries_.front().is == Entry::Is::kSettled) {
    entries_.pop_front();
    ++first_;
  }
  return true;
}

void ConfirmWindow::settle(Entry& entry, Confirm confirm, const std::shared_ptr<const Error>& nack_error,
                           std::vector<Settled>& out) {
  if (entry.is == Entry::Is::kSettled) return;
  entry.is = Entry::Is::kSettled;
  --outstanding_;
  if (confirm == Confirm::kNack)
    out.push_back({entry.accepted, Outcome::kRetryable, nack_error});
  else if (entry.returned)
    out.push_back({entry.accepted, Outcome::kRejected, std::move(entry.returned)});
  else
    out.push_back({entry.accepted, Outcome::kDelivered, nullptr});
}

void ConfirmWindow::lose_all(const std::shared_ptr<const Error>& error, std::vector<Settled>& out) {
  for (Entry& entry : entries_) {
    if (entry.is == Entry::Is::kOutstanding) out.push_back({entry.accepted, Outcome::kRetryable, error});
  }
  first_ += entries_.size();
  entries_.clear();
  outstanding_ = 0;
}

void ConfirmWindow::take_back(std::deque<Accepted>& waiting) {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->is == Entry::Is::kOutstanding) waiting.push_front(entry->accepted);
  }
  *this = {};
}

}  // namespace penstock::rabbitmq
