#include "tests/support/history_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace penstock::tests {
namespace {

struct Fate {
  const CommittedEvent* event;
  std::size_t number;  // among those of its key, from 0
  bool arrived = false;
};

using Fates = std::unordered_map<std::string, Fate>;

Fates fates_of(const History& history) {
  Fates fates;
  std::unordered_map<std::string, std::size_t> committed_of_key;
  for (const CommittedEvent& event : history.committed) {
    if (history.parked.contains(event.id)) continue;
    fates.emplace(event.id, Fate{&event, committed_of_key[event.key]++});
  }
  return fates;
}

// Positions that were delivered, as the length of the prefix without a hole.
class Prefix {
 public:
  void add(std::int64_t position) {
    if (position > reached_) waiting_.insert(position);
    while (!waiting_.empty() && *waiting_.begin() == reached_ + 1) {
      waiting_.erase(waiting_.begin());
      ++reached_;
    }
  }
  std::int64_t reached() const { return reached_; }

 private:
  std::int64_t reached_ = 0;
  std::set<std::int64_t> waiting_;
};

void judge_arrivals(const History& history, Fates& fates, Judgement& judgement) {
  std::unordered_map<std::string, std::size_t> next_of_key;
  for (const ArrivedEvent& arrival : history.arrived) {
    const auto found = fates.find(arrival.id);
    if (found == fates.end()) {
      judgement.ghosts.push_back(fmt::format("{} (key {}, position {})", arrival.id, arrival.key, arrival.position));
      continue;
    }
    Fate& fate = found->second;
    if (fate.event->key != arrival.key || fate.event->payload != arrival.payload) {
      judgement.altered.push_back(
          fmt::format("{} (key {}, committed with {})", arrival.id, arrival.key, fate.event->key));
    }
    if (fate.arrived) {
      ++judgement.duplicates[arrival.epoch];
      continue;
    }
    fate.arrived = true;
    ++judgement.delivered;
    std::size_t& next = next_of_key[fate.event->key];
    if (fate.number != next) {
      judgement.jumped.push_back(
          fmt::format("{}: number {} of key {} came when {} was due", arrival.id, fate.number, fate.event->key, next));
    }
    next = std::max(next, fate.number + 1);
  }
}

void judge_checkpoints(const History& history, Judgement& judgement) {
  Prefix prefix;
  auto arrival = history.arrived.begin();
  std::int64_t before = 0;
  for (const auto& [epoch, checkpoint] : history.checkpoints) {
    for (; arrival != history.arrived.end() && arrival->epoch <= epoch; ++arrival) prefix.add(arrival->position);
    if (checkpoint > prefix.reached()) {
      judgement.checkpoint_faults.push_back(fmt::format(
          "epoch {}: checkpoint {} is ahead of what was delivered up to {}", epoch, checkpoint, prefix.reached()));
    }
    if (checkpoint < before) {
      judgement.checkpoint_faults.push_back(
          fmt::format("epoch {}: checkpoint went back from {} to {}", epoch, before, checkpoint));
    }
    before = checkpoint;
  }
}

void append_lines(std::string& out, const char* what, const std::vector<std::string>& lines) {
  out += fmt::format("{} {}", lines.size(), what);
  if (!lines.empty()) out += fmt::format(", the first: {}", lines.front());
  out += '\n';
}

}  // namespace

std::size_t Judgement::all_duplicates() const {
  std::size_t all = 0;
  for (const auto& [epoch, count] : duplicates) all += count;
  return all;
}

std::size_t Judgement::most_duplicates_in_an_epoch() const {
  std::size_t most = 0;
  for (const auto& [epoch, count] : duplicates) most = std::max(most, count);
  return most;
}

std::string Judgement::describe() const {
  std::string out = fmt::format("{} committed, {} delivered, {} duplicates, at most {} an epoch\n", committed,
                                delivered, all_duplicates(), most_duplicates_in_an_epoch());
  append_lines(out, "lost", lost);
  append_lines(out, "ghosts", ghosts);
  append_lines(out, "altered", altered);
  append_lines(out, "out of order", jumped);
  append_lines(out, "checkpoint faults", checkpoint_faults);
  return out;
}

Judgement judge(const History& history) {
  Judgement judgement;
  Fates fates = fates_of(history);
  judgement.committed = fates.size();
  judge_arrivals(history, fates, judgement);
  for (const auto& [id, fate] : fates) {
    if (!fate.arrived)
      judgement.lost.push_back(fmt::format("{} (number {} of key {})", id, fate.number, fate.event->key));
  }
  std::sort(judgement.lost.begin(), judgement.lost.end());
  judge_checkpoints(history, judgement);
  return judgement;
}

}  // namespace penstock::tests
