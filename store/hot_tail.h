// The newest events of the log in memory, read once for all who follow it.
//
// A ring of pages that follow each other without a gap, bounded in bytes. Whoever is at its end reads
// the next page from the database for everybody; the others take it from here. So a thousand followers
// cost the database what one does. A follower that has fallen behind the ring reads the table itself,
// with its filter, and is back when it has come near the head. Appends of this program and of others
// come in the same way: positions without a gap leave nothing to be merged.
//
// Threads: any. A call waits for a page that another one reads, so at most as long as two reads take.
// The ring starts anew when a caller knows that the log is another one than it was read from, or a page that
// is read tells (its identity is another one): a failover may have lost what it holds.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "store/checkpoints.h"
#include "store/event_log.h"

namespace penstock::store {

class HotTail {
 public:
  struct Loaded {
    LogPage page;            // unfiltered
    StoreIdentity identity;  // of the store that it was read from
  };
  // Reads the log after a position.
  using Load = std::function<Result<Loaded>(Position after, const ReadLimit& limit)>;

  // Keeps at most `bytes` of Event::size_bytes(), exceeded only by one page of a single event.
  HotTail(Load load, std::size_t bytes);

  // What a caller knows of the log: the head, which may be old (0 is nothing), and which log it is
  // (EventLog::generation).
  struct Known {
    Known(Position head_in, std::uint64_t generation_in = 0) : head(head_in), generation(generation_in) {}
    Position head;
    std::uint64_t generation;
  };
  // See EventLog::read_after. nullopt: the position is not at the tail, read the table.
  Result<std::optional<LogPage>> read_after(Position after, const ReadLimit& limit, const LogFilter& filter,
                                            const Known& known);

  std::size_t size_bytes() const;

 private:
  struct Chunk {
    std::shared_ptr<const EventBatch> events;
    Position begin, end;  // holds what follows `begin` up to `end`
    std::size_t bytes;
  };

  Result<Loaded> load(Position after);
  void end_read(std::optional<Position> after);
  bool is_near(Position after, Position head) const;
  bool holds_next_of(Position after) const { return !chunks_.empty() && begin() <= after && after < end(); }
  Position begin() const { return chunks_.front().begin; }
  Position end() const { return chunks_.back().end; }
  void forget();
  void take_in(Position after, const Loaded& loaded);
  std::vector<Chunk> chunks_after(Position after) const;
  static LogPage page_of(const std::vector<Chunk>& chunks, Position after, const ReadLimit& limit,
                         const LogFilter& filter);

  const Load load_;
  const std::size_t most_bytes_;
  const ReadLimit page_;

  mutable std::mutex mutex_;  // guards what follows; not held while a page is read or filtered
  std::condition_variable read_ended_;
  std::deque<Chunk> chunks_;
  std::size_t bytes_ = 0;
  StoreIdentity identity_;                           // of what chunks_ were read from
  std::uint64_t generation_ = 0;                     // the highest that a caller knew
  std::uint64_t reads_begun_ = 0, reads_ended_ = 0;  // unequal: somebody reads
  std::optional<Position> last_read_after_;          // where the last read began, and how it ended
  std::optional<Error> last_error_;
};

}  // namespace penstock::store
