// Transactions of the log that come whole or in pieces, side by side, with parts that are rolled back, in little
// memory: what a commit hands out is what was written and not rolled back, in its order, however much of it went to a
// file.
//
// A script of bytes: each step is one byte for the action and one for its argument.
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connectors/wal/transactions.h"
#include "connectors/wal/wire_reader.h"
#include "tests/fuzz/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace penstock::fuzz {
namespace {

using wal::Change;
using wal::Xid;
using Within = wal::PgoutputDecoder::Within;
using Segment = wal::StreamStartMessage::Segment;

constexpr std::size_t kMemory = 600, kMostRunning = 4;

// What a transaction has to be in the end.
struct Model {
  struct Written {
    std::uint32_t sub;
    Change::Kind kind;
    std::string bytes;
  };
  std::vector<Written> written;
  std::vector<std::uint32_t> subs;  // that may still write or be rolled back
};

class Server {
 public:
  void run(wal::WireReader script) {
    while (!script.at_end()) {
      const std::uint8_t action = script.byte(), argument = script.byte();
      if (script.failed()) return;
      if (open_)
        act_inside(action, argument);
      else
        act_outside(action, argument);
      demand(transactions_.is_open() == open_.has_value());
      demand(transactions_.memory_bytes() <= kMemory);
    }
  }

 private:
  enum class Kind { kWhole, kStreamed };

  void act_outside(std::uint8_t action, std::uint8_t argument) {
    switch (action % 6) {
      case 0: open(Kind::kWhole); return;
      case 1:
        if (streamed_.size() < kMostRunning) open(Kind::kStreamed);
        return;
      case 5: demand_refused(argument); return;
      default: break;
    }
    if (streamed_.empty()) return;
    const auto chosen = std::next(streamed_.begin(), argument % static_cast<int>(streamed_.size()));
    switch (action % 6) {
      case 2:
        demand(transactions_.stream_start(Xid{chosen->first}, Segment::kLater).has_value());
        open_ = chosen->first;
        kind_ = Kind::kStreamed;
        return;
      case 3: {
        auto transaction = transactions_.stream_commit(Xid{chosen->first}, wal::Lsn{next_}, 7);
        demand(transaction.has_value());
        demand_equal(*transaction, chosen->first, chosen->second, argument);
        streamed_.erase(chosen);
        return;
      }
      default: roll_back(chosen, argument);
    }
  }

  void act_inside(std::uint8_t action, std::uint8_t argument) {
    if (action % 4 != 0) return add(action, argument);
    if (kind_ == Kind::kStreamed) {
      demand(transactions_.stream_stop().has_value());
    } else {
      auto transaction = transactions_.commit(wal::Lsn{next_}, 7);
      demand(transaction.has_value());
      demand_equal(*transaction, *open_, whole_, argument);
    }
    open_.reset();
  }

  void open(Kind kind) {
    const Xid xid{next_++};
    if (kind == Kind::kWhole) {
      demand(transactions_.begin(xid).has_value());
      whole_ = {};
    } else {
      demand(transactions_.stream_start(xid, Segment::kFirst).has_value());
      streamed_[xid.value] = {};
    }
    open_ = xid.value;
    kind_ = kind;
  }

  void add(std::uint8_t action, std::uint8_t argument) {
    Model& model = kind_ == Kind::kWhole ? whole_ : streamed_.at(*open_);
    std::optional<Xid> sub;
    if (kind_ == Kind::kStreamed) sub = Xid{choose_sub(model, action)};
    const auto kind = action % 4 == 1 ? Change::Kind::kRelation : Change::Kind::kEvent;
    std::string bytes(argument, static_cast<char>('a' + model.written.size() % 26));
    const auto within = kind_ == Kind::kWhole ? Within::kTransaction : Within::kStream;
    demand(transactions_.add({kind, within, bytes}, sub).has_value());
    model.written.push_back({sub ? sub->value : *open_, kind, std::move(bytes)});
  }

  // The transaction itself, one of its sub-transactions, or a new one.
  std::uint32_t choose_sub(Model& model, std::uint8_t action) {
    if (action < 64) return *open_;
    if (action < 128 || model.subs.empty()) return model.subs.emplace_back(next_++);
    return model.subs[action % model.subs.size()];
  }

  void roll_back(std::map<std::uint32_t, Model>::iterator chosen, std::uint8_t argument) {
    Model& model = chosen->second;
    if (model.subs.empty() || argument >= 224) {
      demand(transactions_.stream_abort(Xid{chosen->first}, Xid{chosen->first}).has_value());
      streamed_.erase(chosen);
      return;
    }
    const auto sub = model.subs.begin() + argument % static_cast<int>(model.subs.size());
    demand(transactions_.stream_abort(Xid{chosen->first}, Xid{*sub}).has_value());
    // What it said of a table's columns counts all the same.
    std::erase_if(model.written,
                  [&](const Model::Written& one) { return one.sub == *sub && one.kind == Change::Kind::kEvent; });
    model.subs.erase(sub);
  }

  void demand_refused(std::uint8_t argument) {
    const Xid unknown{next_ + 1};
    switch (argument % 5) {
      case 0: demand(!transactions_.commit({}, 0)); return;
      case 1: demand(!transactions_.stream_stop()); return;
      case 2: demand(!transactions_.stream_commit(unknown, {}, 0)); return;
      case 3: demand(!transactions_.stream_abort(unknown, unknown)); return;
      default: demand(!transactions_.stream_start(unknown, Segment::kLater));
    }
  }

  // Some are given up half read.
  static void demand_equal(wal::Transaction& transaction, std::uint32_t xid, const Model& model,
                           std::uint8_t argument) {
    demand(transaction.xid() == Xid{xid} && transaction.commit_time() == 7);
    const auto events = std::ranges::count(model.written, Change::Kind::kEvent, &Model::Written::kind);
    demand(transaction.events() == static_cast<std::uint64_t>(events));
    std::size_t most = argument % 8 == 0 ? model.written.size() / 2 : model.written.size();
    for (const Model::Written& one : model.written) {
      if (most-- == 0) return;
      const auto change = transaction.next();
      demand(change.has_value() && change->has_value());
      demand((*change)->kind == one.kind && (*change)->bytes == one.bytes);
    }
    const auto end = transaction.next();
    demand(end.has_value() && !end->has_value());
  }

  wal::Transactions transactions_{{kMemory, std::filesystem::temp_directory_path().string()}};
  Model whole_;
  std::map<std::uint32_t, Model> streamed_;
  std::optional<std::uint32_t> open_;
  Kind kind_ = Kind::kWhole;
  std::uint32_t next_ = 1;
};

}  // namespace
}  // namespace penstock::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  penstock::fuzz::Server().run(
      penstock::wal::WireReader({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 2'000)}));
  return 0;
}
