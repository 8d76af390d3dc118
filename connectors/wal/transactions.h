// Puts transactions together. Between begin and commit their changes are kept, because only the commit
// says whether there is anything to deliver and at which position; a streamed transaction arrives in
// pieces with others in between, and parts of it may be rolled back.
//
// Bounded in memory: beyond `memory_bytes` over all transactions, the largest one's changes go to a
// file of its own (connectors/wal/spill_file.h), where a change that is larger than all of that goes at once. Beside
// that stand four bytes for each sub-transaction that was rolled back after it was sent in part, as many as in the
// server's own record of it. The disk is not bounded here: the server bounds what one transaction writes.
//
// Single-threaded. Errors: wal.spill_failed; wal.protocol when the messages make no sense together.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/wal/pgoutput.h"
#include "connectors/wal/spill_file.h"
#include "core/error.h"

namespace penstock::wal {

// What is kept of a transaction.
struct Change {
  enum class Kind : std::uint8_t {
    kRelation,  // counts for later rows also when the sub-transaction that sent it was rolled back
    kEvent,     // a row or a message that becomes an event
    kCutEvent,  // a row that is too large for one, without its long values
  };
  Kind kind;
  // The decoder's input, and how it has to be read.
  PgoutputDecoder::Within within;
  std::string_view bytes;

  bool is_event() const { return kind != Kind::kRelation; }
  PgoutputDecoder::Form form() const {
    return kind == Kind::kCutEvent ? PgoutputDecoder::Form::kCut : PgoutputDecoder::Form::kWhole;
  }
};

struct SpillLimits {
  std::size_t memory_bytes = 2 << 20;
  std::string folder;
};

// The changes of one transaction, in their order.
class Transaction {
 public:
  Xid xid() const { return xid_; }
  Lsn commit_end() const { return commit_end_; }
  std::int64_t commit_time() const { return commit_time_; }
  // How many events it has; those that were rolled back don't count.
  std::uint64_t events() const { return events_; }
  // Not even a relation.
  bool is_empty() const { return buffer_.empty() && file_.size() == 0; }
  std::size_t memory_bytes() const { return buffer_.size() + runs_.size(); }

  // The next change; nullopt at the end. Its bytes stay until the next call.
  Result<std::optional<Change>> next();

 private:
  friend class Transactions;
  struct Header;
  // Events of one sub-transaction, one behind the other.
  struct Run {
    std::uint32_t xid = 0, events = 0;
  };

  void add_header(const Change& change, Xid xid);
  void add(const Change& change, Xid xid);
  // Behind what is kept in memory, without a copy of it there.
  Status add_to_file(const Change& change, Xid xid, const std::string& folder);
  Status spill(const std::string& folder);
  // Gives back memory that a spill or a large change has left; none is kept but by the transaction that grows.
  void trim();
  void count(Xid sub);
  void end_run();
  // Its commit has come: all that is rolled back is known.
  Status leave_out_rolled_back();
  void leave_out_rolled_back(std::string_view runs);
  bool is_rolled_back(Xid sub) const;
  Result<bool> fill(std::size_t bytes);

  std::string buffer_;  // what is not in the file yet; while it is read, what was read of the file
  SpillFile file_;
  // How many events each sub-transaction brought: few runs where few take turns, and millions in a loop with a handler.
  std::string runs_;  // what is not in their file yet
  SpillFile runs_file_;
  Run run_;                       // the last one, which may go on
  std::vector<Xid> rolled_back_;  // ascending once the commit has come
  Xid xid_;
  Lsn commit_end_;
  std::int64_t commit_time_ = 0;
  std::uint64_t events_ = 0;
  // Reading.
  enum class Stage { kFilling, kReading } stage_ = Stage::kFilling;
  std::string tail_;
  std::uint64_t file_at_ = 0;
  std::size_t at_ = 0;
};

class Transactions {
 public:
  explicit Transactions(SpillLimits limits) : limits_(std::move(limits)) {}

  Status begin(Xid xid);
  Status stream_start(Xid xid, StreamStartMessage::Segment segment);
  Status stream_stop();
  // Into the transaction that is open; `sub` where the message named one.
  Status add(const Change& change, std::optional<Xid> sub);
  Result<Transaction> commit(Lsn end, std::int64_t commit_time);
  Result<Transaction> stream_commit(Xid xid, Lsn end, std::int64_t commit_time);
  Status stream_abort(Xid xid, Xid sub);

  // Inside a begin or a stream.
  bool is_open() const { return open_.has_value(); }
  std::size_t memory_bytes() const { return memory_; }

 private:
  Status make_room();
  Result<Transaction> take(std::map<Xid, Transaction>::iterator found, Lsn end, std::int64_t commit_time);

  const SpillLimits limits_;
  std::map<Xid, Transaction> running_;
  std::optional<Xid> open_;
  std::size_t memory_ = 0;
};

}  // namespace penstock::wal
