// How carefully a route goes: whether one of its rows may be what ended the program before.
//
// Each opening of a source is counted in the store until something that was read in it is settled there. A row that
// ends the program can't be passed by the settled prefix, so such a row leaves openings uncrossed, and their number
// says what is to be done:
//
//   0  all is well: nothing is written but the opening itself, taken back at the first settling;
//   1  few events at once, until a window of them is settled: if one of them ends the program again, it is among the
//      first few of the next opening;
//   2  carefully: one event at a time, and one route of the program at a time (care_turn.h). Each attempt is counted
//      durably before the event is mapped; an event that was tried too often is parked. After a few, all is well.
//
// An attempt ends well when the event is settled, when its sink says that it could not be delivered for now, or when
// the program has outlived it for a while. Single-threaded; figures of an opening begin anew with the next.
#pragma once

#include <optional>
#include <string>

#include "relay/care_turn.h"
#include "relay/delivery_tracker.h"
#include "relay/source_port.h"

namespace penstock::relay {

class Care {
 public:
  // `window`: the most events that a route has in flight.
  Care(SourcePort& port, CareTurn& turn, std::size_t window) : port_(port), turn_(turn), window_(window) {}
  ~Care() { turn_.give_back(this); }
  Care(const Care&) = delete;
  Care& operator=(const Care&) = delete;

  // `unended`: the openings before this one that had no good end.
  void on_opened(std::uint32_t unended);
  // The opening ended: whatever is on its way will be read again.
  void clear();

  bool is_careful() const { return level_ == Level::kCareful; }
  // The most events that are read at once, and then only when nothing is in flight. nullopt: no bound.
  std::optional<std::size_t> at_once() const;

  // Careful: an event was read, and is not touched before on_begun() says so.
  void hold(Slot slot, std::string row);
  // What is held and not begun; nothing from there on may be submitted.
  std::optional<Slot> held() const;
  // Begins what is held when it is our turn; ends an attempt that was outlived.
  void pursue(SteadyTime now);
  // Nothing can be begun for now: others go first.
  void step_aside();
  // The answer to it has come, whatever it says. nullopt: nothing waits for it any more.
  std::optional<Slot> on_begun(SteadyTime now);
  // The event can't be delivered for now.
  void on_retry() { outlive(); }

  // So many items more are durably settled, also those that a filter dropped; deliveries from `held` on are not.
  void on_stored(std::size_t items, Slot held);
  // Nothing is in flight, and the source had no more.
  void on_idle();
  void on_taken_back(TakeBack::What what, const Status& status);
  // The program ends as it should.
  void leave();

  SteadyTime next_due(SteadyTime now) const;

 private:
  enum class Level { kUnknown, kNone, kUnproven, kNarrow, kCareful };
  enum class Attempt {
    kNone,
    kHeld,      // waits for its turn
    kAsked,     // is being written
    kUnderWay,  // since begun_at_
    kOutlived,
  };
  std::size_t enough() const;
  void outlive();
  void forget();

  SourcePort& port_;
  CareTurn& turn_;
  const std::size_t window_;
  Level level_ = Level::kUnknown;
  std::size_t stored_ = 0;
  enum class Forgetting { kNo, kAsked } forgetting_ = Forgetting::kNo;
  Attempt attempt_ = Attempt::kNone;
  Slot slot_{};
  std::string row_;
  SteadyTime begun_at_{};
};

}  // namespace penstock::relay
