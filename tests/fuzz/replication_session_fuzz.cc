// What a server says and what a route settles, as a script of bytes, against the rule that everything
// stands on: what is confirmed never passes the settled prefix, and never moves back.
//
// Each step is one byte for the action and one for its argument: a transaction with some events, a
// keepalive as bytes of the protocol, some events settled, what is settled made durable.
#include <algorithm>
#include <string>
#include <vector>

#include "connectors/wal/confirmation.h"
#include "connectors/wal/wire_reader.h"
#include "tests/fuzz/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace penstock::fuzz {
namespace {

class Session {
 public:
  void run(wal::WireReader script) {
    while (!script.at_end()) {
      const std::uint8_t action = script.byte(), argument = script.byte();
      if (script.failed()) return;
      act(action, argument);
      const wal::StandbyStatus status = confirmation_.status();
      demand(status.flush == status.apply && status.flush <= status.write);
      demand(status.flush >= flushed_ && status.flush <= settled_end());
      flushed_ = status.flush;
    }
  }

 private:
  struct Sent {
    std::uint64_t last;
    wal::Lsn end;
  };

  void act(std::uint8_t action, std::uint8_t argument) {
    switch (action % 4) {
      case 0:
        end_.value += 1 + argument;
        last_ += argument % 8;
        confirmation_.committed(end_, argument % 8, 0);
        sent_.push_back({last_, end_});
        return;
      case 1: {
        // Also one that lies behind what was sent: a server that lost its memory.
        std::string bytes = "k" + std::string(17, '\0');
        end_.value += argument % 4;
        for (std::size_t i = 0; i < 8; ++i) bytes[1 + i] = static_cast<char>(end_.value >> (56 - 8 * i));
        const auto frame = wal::decode_frame(bytes);
        demand(frame.has_value());
        demand(std::get<wal::Keepalive>(*frame).server_end == end_);
        const wal::Lsn said{argument > 200 ? end_.value / 2 : end_.value};
        confirmation_.idle_at(said);
        sent_.push_back({last_, said});
        return;
      }
      case 2:
        settled_ += argument % (last_ - settled_ + 1);
        confirmation_.settled(ReadMark{settled_});
        return;
      default: confirmation_.stored(confirmation_.progress());
    }
  }
  wal::Lsn settled_end() const {
    wal::Lsn end{1};
    for (const Sent& one : sent_) {
      if (one.last > settled_) break;
      end = std::max(end, one.end);
    }
    return end;
  }

  wal::Confirmation confirmation_{wal::Progress{wal::Lsn{1}, {}}};
  std::vector<Sent> sent_;
  wal::Lsn end_{1}, flushed_{1};
  std::uint64_t last_ = 0, settled_ = 0;
};

}  // namespace
}  // namespace penstock::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  penstock::fuzz::Session().run(
      penstock::wal::WireReader({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 2'000)}));
  return 0;
}
