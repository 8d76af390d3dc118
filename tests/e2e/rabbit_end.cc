#include <set>

#include "tests/e2e/broker_ends.h"
#include "tests/support/rabbit_reader.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

constexpr std::chrono::milliseconds kQuiet{700};
constexpr std::size_t kAtOnce = 500;

ArrivedEvent event_of(RabbitArrival arrival) {
  ArrivedEvent event;
  event.id = arrival.message_id;
  event.key = arrival.text("key");
  const auto position = arrival.headers.find("position");
  if (position != arrival.headers.end()) event.position = std::get<std::int64_t>(position->second);
  event.payload = std::move(arrival.body);
  return event;
}

}  // namespace

RabbitEnd::RabbitEnd(std::string url) : url_(std::move(url)), name_(unique_name("e2e")) {
  RabbitAdmin admin(url_);
  admin.declare_exchange(name_);
  admin.declare_queue({.name = name_, .max_length = std::nullopt});
  admin.bind(name_, name_);
}

RabbitEnd::~RabbitEnd() {
  try {
    RabbitAdmin admin(url_);
    admin.delete_queue(name_);
    admin.delete_exchange(name_);
  } catch (const std::runtime_error&) {
    // The node goes with the run; nothing depends on what is left in it.
  }
}

BrokerEnd::Lengths RabbitEnd::lengths() { return {static_cast<std::int64_t>(RabbitAdmin(url_).depth(name_))}; }

std::vector<ArrivedEvent> RabbitEnd::read(const Enough& enough, std::chrono::seconds patience) {
  RabbitReader reader(url_, name_);
  const Deadline deadline = Deadline::in(patience);
  std::vector<ArrivedEvent> arrived;
  std::set<std::string> different;
  bool more = true;
  while (more) {
    const bool done = enough(different.size()) || deadline.expired();
    std::vector<RabbitArrival> batch = reader.read(kAtOnce, Deadline::in(kQuiet));
    more = !done || !batch.empty();
    for (RabbitArrival& arrival : batch) {
      ArrivedEvent event = event_of(std::move(arrival));
      event.epoch = epoch_of(0, static_cast<std::int64_t>(arrived.size()));
      different.insert(event.id);
      arrived.push_back(std::move(event));
    }
  }
  return arrived;
}

}  // namespace penstock::tests
