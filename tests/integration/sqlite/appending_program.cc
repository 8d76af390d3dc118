// A program of its own for tests that need a second one, or one that can be killed.
//   append FILE NAME COUNT   appends one event at a time; prints the position of each receipt
//   lease FILE NAME          takes the lease, prints "taken", waits for the end of its input
//   checkpoint FILE          takes a lease and moves a checkpoint from 0 to 1
#include <iostream>
#include <string>

#include "core/random.h"
#include "tests/integration/sqlite/raw_file.h"

namespace {

using namespace penstock;

int say(const Error& error) {
  std::cerr << error.describe() << "\n";
  return 1;
}

int append(store::Store& store, const std::string& name, int count) {
  SystemClock clock;
  SystemRandom random;
  for (int i = 0; i < count; ++i) {
    const std::string stream = "order-" + name + std::to_string(i % 5);
    store::AppendRequest request;
    request.events.push_back(make_event(
        {.id = make_event_id(clock, random), .stream = stream, .category = "order", .type = "placed", .data = "{}"}));
    const auto receipt = store.events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30)));
    if (!receipt && receipt.error().kind() != ErrorKind::kThrottled) return say(receipt.error());
    if (receipt) std::cout << receipt->first_position.value << std::endl;
  }
  return 0;
}

int hold_lease(store::Store& store, const std::string& name) {
  const auto lease = store.leases().take(name, "the-other-program");
  if (!lease) return say(lease.error());
  std::cout << "taken" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  return 0;
}

int move_checkpoint(store::Store& store) {
  const auto lease = store.leases().take("route/a", "the-other-program");
  if (!lease) return say(lease.error());
  if (auto made = store.checkpoints().create(*lease, "a", Position{0}); !made) return say(made.error());
  if (auto moved = store.checkpoints().advance(*lease, "a", Position{0}, Position{1}); !moved)
    return say(moved.error());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 2 ? argv[1] : "";
  const auto store = tests::open_file(argc > 2 ? argv[2] : "");
  if (verb == "append" && argc == 5) return append(*store, argv[3], std::stoi(argv[4]));
  if (verb == "lease" && argc == 4) return hold_lease(*store, argv[3]);
  if (verb == "checkpoint" && argc == 3) return move_checkpoint(*store);
  std::cerr << "usage: append FILE NAME COUNT | lease FILE NAME | checkpoint FILE\n";
  return 64;
}
