#include "relay/attempt_book.h"

namespace penstock::relay {

Result<std::uint32_t> AttemptBook::enter() {
  auto found = attempts_.load(route_);
  if (!found) return fail(std::move(found.error()).with_context("loading the attempts of the route"));
  before_ = *std::move(found);
  // What this program wrote is no witness against a row: it lives.
  if (attempt_ == Attempt::kUnderWay)
    if (const auto own = before_.rows.find(*row_); own != before_.rows.end() && own->second > 0) --own->second;
  if (entry_ == Entry::kWritten && before_.openings > 0) {
    --before_.openings;
    return before_.openings;
  }
  if (auto counted = attempts_.count_openings(route_, before_.openings + 1); !counted)
    return fail(std::move(counted.error()).with_context("counting the opening"));
  entry_ = Entry::kWritten;
  return before_.openings;
}

Result<AttemptBook::Verdict> AttemptBook::begin(const std::string& row) {
  const auto known = before_.rows.find(row);
  const std::uint32_t tried = known == before_.rows.end() ? 0 : known->second;
  if (tried >= limit_) return Verdict::kGiveUp;
  const auto ended = row_ && *row_ != row ? std::optional<std::string_view>(*row_) : std::nullopt;
  if (auto counted = attempts_.count_row(route_, {row, tried + 1}, ended); !counted)
    return fail(std::move(counted.error()).with_context("counting an attempt"));
  row_ = row;
  attempt_ = Attempt::kUnderWay;
  return Verdict::kTry;
}

Status AttemptBook::end() {
  if (attempt_ == Attempt::kEnded) return {};
  const auto known = before_.rows.find(*row_);
  const std::uint32_t tried = known == before_.rows.end() ? 0 : known->second;
  if (auto counted = attempts_.count_row(route_, {*row_, tried}, std::nullopt); !counted)
    return fail(std::move(counted.error()).with_context("taking back an attempt"));
  attempt_ = Attempt::kEnded;
  return {};
}

Status AttemptBook::forget() {
  if (auto forgotten = attempts_.forget(route_); !forgotten)
    return fail(std::move(forgotten.error()).with_context("forgetting attempts"));
  before_ = {};
  row_.reset();
  attempt_ = Attempt::kEnded;
  entry_ = Entry::kNone;
  return {};
}

}  // namespace penstock::relay
