// Settles the rows of a Postgres outbox, and sees to it that they are settled.
//
// Who holds a lock on one of them is waited for within the opening, as long as kPatience: an opening that ends delivers
// again what is in flight. What was not settled when an opening ended is settled by the next one before it reads, or
// that one fails too: what keeps a row from being settled doesn't make it come again and again. Only the end of the
// program forgets it.
//
// One transaction settles as many rows as the server gets done in a few seconds: where it takes longer (triggers,
// foreign keys without an index) the next one tries a tenth, down to one row. What is settled stays so whatever becomes
// of the rest. On a session that others share a transaction takes fewer rows as soon as it makes them wait for longer
// than a second, and who is too slow in parts too ends its opening: the next one is to be on a session of its own.
//
// Single-threaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "connectors/outbox/held_back.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/rows_in_flight.h"
#include "connectors/outbox/shared_session.h"
#include "connectors/outbox/unsettled_rows.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

class PostgresSettlement {
 public:
  static constexpr std::chrono::seconds kPatience{15};
  // Of one transaction.
  static constexpr std::size_t kMostRows = 10'000;

  // Both outlive it.
  PostgresSettlement(const OutboxSettings& settings, Log& log);

  using ParametersOf = std::function<store::postgres::Parameters(std::span<const RowKey>)>;
  // For an opening. `settle`, and `left`, which answers with those that would be read once more (by their numbers, or
  // by their ids under policy "track"), take the same parameters.
  // `id_type`: of the ids among them. What an opening has left that had ids of another type can't be told to this one,
  // and comes again.
  void prepare(store::postgres::Statement settle, store::postgres::Statement left, ParametersOf parameters_of,
               std::string_view id_type);

  // For the next opening: kAlone where rows are left that are slow to settle.
  Company company() const;

  // What the last opening left, or no row at all: what fails then fails now. Errors: as settle(); outbox.busy when the
  // deadline comes before all of it is settled: the next opening goes on.
  Status try_out(store::postgres::Session& session, const Seat& seat, Deadline deadline, const std::stop_token& stop);

  // `note_failure` is told of the session where an attempt failed. Errors: those of the session; outbox.refused when
  // the database keeps rows as they were without an error (a trigger, a rule).
  Status settle(Seat& seat, std::span<const RowKey> rows, const std::stop_token& stop,
                const std::function<void(const store::postgres::Session&)>& note_failure);

 private:
  // What a statement may take.
  struct Limits {
    std::chrono::milliseconds statement;  // the server ends it then
    Deadline call;
    Company company;  // of the session: others wait meanwhile
  };
  // As many of `rows`, the first, as one transaction is for; answers how many. Learns from how long it took.
  Result<std::size_t> settle_some(store::postgres::Session& session, std::span<const RowKey> rows, const Limits& limits,
                                  const std::stop_token& stop);
  Status settle_on(store::postgres::Session& session, std::span<const RowKey> rows, const Limits& limits,
                   const std::stop_token& stop);
  Status settle_left(store::postgres::Session& session, const Seat& seat, Deadline deadline,
                     const std::stop_token& stop);
  Status check_left(const store::postgres::Rows& left) const;
  const OutboxSettings& settings_;
  HeldBack held_back_;
  store::postgres::Statement settle_, left_;
  ParametersOf parameters_of_;
  std::string id_type_;
  std::size_t rows_per_statement_ = kMostRows;
  SteadyTime next_look_{};  // at rows that count as settled: a trigger may have put them back
  UnsettledRows unsettled_;
};

}  // namespace penstock::outbox
