#include "connectors/outbox/cursor_checkpoint.h"

#include <algorithm>
#include <utility>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/cursor_place.h"
#include "connectors/outbox/outbox_errors.h"
#include "core/failpoint.h"
#include "core/json_pointer.h"
#include "core/json_text.h"

namespace penstock::outbox {
namespace {

std::int64_t passed_to(std::span<const NumberRange> unsettled) {
  const std::int64_t open_from = unsettled.back().first;
  return open_from == kLowestNumber ? open_from : open_from - 1;
}

// What lies behind `number` is not settled any more. No row has a number that is not positive, so 0 is all of them.
std::vector<NumberRange> opened_behind(std::int64_t number, const std::vector<NumberRange>& unsettled) {
  if (number <= 0) return {{kLowestNumber, kHighestNumber}};
  std::vector<NumberRange> open;
  for (NumberRange range : unsettled) {
    if (range.first > number) break;
    range.last = std::min(range.last, number);
    open.push_back(range);
  }
  const NumberRange beyond{number + 1, kHighestNumber};
  if (!open.empty() && open.back().last == number)
    open.back().last = kHighestNumber;
  else
    open.push_back(beyond);
  return open;
}

std::string words_of_never(std::int64_t passed_to) {
  return ", so numbers are given again, and what gets one up to " + std::to_string(passed_to) +
         " would never be delivered";
}

std::string words_of_stranger(std::int64_t number, std::int64_t passed_to) {
  return "the row with number " + std::to_string(number) + " is another one than the one that was delivered" +
         words_of_never(passed_to);
}

}  // namespace

Result<CursorCheckpoint::Start> CursorCheckpoint::resume(OutboxTable& table, Lease lease) {
  lease_ = std::move(lease);
  stored_.reset();
  evidence_ = {};
  sequence_ = Sequence::kUnknown;
  auto stored = checkpoints_.load(settings_.source_name);
  if (!stored) return fail(std::move(stored.error()).with_context("loading the checkpoint"));
  stored_ = *std::move(stored);
  if (stored_) return resume_stored(table);
  Start start{LowMark(table.mark_moves(), Crowded::kHoldBack, {{kLowestNumber, kHighestNumber}}), {}};
  if (by_xid()) start.read_to = XidPlace{};
  return start;
}

Result<CursorCheckpoint::Start> CursorCheckpoint::resume_stored(OutboxTable& table) {
  evidence_ = parse_evidence(stored_->position);
  const OutboxTable::Identity server = table.identity();
  if (stored_->system_identifier == server.system_identifier && stored_->timeline > server.timeline)
    return fail(former_primary(settings_.table, server.timeline, stored_->timeline));
  auto loss = unrecorded_;
  if (!loss) {
    auto found = find_loss(table);
    if (!found) return fail(std::move(found.error()));
    loss = *std::move(found);
  }
  if (loss)
    if (auto recorded = lost_.put_on_record(*loss, evidence_.passed_gap); !recorded) return fail(recorded.error());
  unrecorded_.reset();
  const auto passage = lost_.find_passage(
      evidence_.passed_gap,
      loss ? loss->why.message() : "what was delivered is not what table " + settings_.table.to_string() + " has");
  if (!passage) return fail(passage.error());
  if (*passage) return go_on_behind(table, **passage);

  if (is_promoted(table))
    if (auto advanced = advance(table, stored_->position); !advanced) return fail(std::move(advanced.error()));
  if (by_xid()) return Start{LowMark(table.mark_moves()), parse_xid_place(stored_->position)};
  return Start{LowMark(table.mark_moves(), Crowded::kHoldBack, *parse_ranges(stored_->position)), {}};
}

// The checkpoint says which records were passed, so each of them is passed once.
Result<CursorCheckpoint::Start> CursorCheckpoint::go_on_behind(const OutboxTable& table,
                                                               const LostNumbers::Passage& passage) {
  const auto unsettled = parse_ranges(stored_->position).value_or(std::vector<NumberRange>());
  evidence_.passed_gap = passage.gap;
  std::erase_if(evidence_.witnesses, [&](const Witness& witness) { return witness.number > passage.behind; });
  handed_out_ = kLowestNumber;
  if (by_xid()) {
    if (auto advanced = advance(table, XidPlace{}); !advanced) return fail(std::move(advanced.error()));
    return Start{LowMark(table.mark_moves()), XidPlace{}};
  }
  auto open = opened_behind(passage.behind, unsettled);
  if (auto advanced = advance(table, open); !advanced) return fail(std::move(advanced.error()));
  return Start{LowMark(table.mark_moves(), Crowded::kHoldBack, std::move(open)), {}};
}

Result<std::optional<NumberLoss>> CursorCheckpoint::find_loss(OutboxTable& table) {
  const auto place = parse_xid_place(stored_->position);
  const auto unsettled = parse_ranges(stored_->position);
  const std::int64_t last = place ? place->number : unsettled ? passed_to(*unsettled) : kLowestNumber;
  if (stored_->system_identifier != table.identity().system_identifier) {
    auto loss = foreign_table(table, last);
    if (!loss) return fail(std::move(loss.error()));
    return std::optional(*std::move(loss));
  }
  if (by_xid() ? !place : !unsettled) return std::optional(foreign("it was made under another guard", last));
  if (by_xid()) return find_loss_of_xids(table, *place);
  return find_loss_of_numbers(table, *unsettled);
}

// A promotion may have lost rows whose numbers the sequence gives again, and others that it has passed.
Result<std::optional<NumberLoss>> CursorCheckpoint::find_loss_of_numbers(OutboxTable& table,
                                                                         std::span<const NumberRange> unsettled) {
  const auto numbering = table.numbering(wish().row);
  if (!numbering) return fail(numbering.error());
  const auto lost = [&](const std::string& why) -> Result<std::optional<NumberLoss>> {
    auto loss = loss_of(table, why, passed_to(unsettled), numbering->given);
    if (!loss) return fail(std::move(loss.error()));
    return std::optional(*std::move(loss));
  };
  if (const std::string why = given_again(*numbering, passed_to(unsettled)); !why.empty()) return lost(why);
  if (!shows_row(*numbering)) {
    const auto stranger = find_stranger(table);
    if (!stranger) return fail(stranger.error());
    if (*stranger) return lost(words_of_stranger(**stranger, passed_to(unsettled)));
  }
  if (!is_promoted(table) || shows_row(*numbering)) return std::optional<NumberLoss>();
  if (!numbering->given) return lost("the database was promoted since, and may have lost rows that were delivered");
  if (evidence_.witnesses.empty()) return std::optional<NumberLoss>();
  const auto survivor = find_survivor(table, numbering->given);
  if (!survivor) return fail(survivor.error());
  const std::string number = std::to_string(evidence_.witnesses.front().number);
  if (*survivor)
    return lost("the database was promoted since, and the row with number " + number +
                ", which was delivered, is gone while older ones are left");
  log_.write(LogLevel::kWarn, "outbox", codes::kOutboxLostTail.name,
             "the database was promoted, and the row with number " + number +
                 ", which was delivered, is gone with all that were before it: if nobody deleted them, they are lost",
             {{"source", settings_.source_name}});
  return std::optional<NumberLoss>();
}

Result<std::optional<NumberLoss>> CursorCheckpoint::find_loss_of_xids(OutboxTable& table, const XidPlace& place) {
  if (place == XidPlace{}) return std::optional<NumberLoss>();  // nothing was delivered
  const auto numbering = table.numbering(place.number);
  if (!numbering) return fail(numbering.error());
  std::string why;
  if (numbering->next_xid && *numbering->next_xid <= place.xid)
    why = "the server has come to transaction " + std::to_string(*numbering->next_xid) + ", so transactions up to " +
          std::to_string(place.xid) + " come again";
  const bool is_there =
      !evidence_.witnesses.empty() && numbering->row_id && is_same(evidence_.witnesses.front(), *numbering->row_id);
  if (why.empty() && is_promoted(table) && !is_there)
    why = "the database was promoted since, and may have lost rows that were delivered";
  if (why.empty()) return std::optional<NumberLoss>();
  NumberLoss loss = foreign(why, place.number);
  if (is_promoted(table)) loss.why = Error(codes::kOutboxLostTail, loss.why.message());
  return std::optional(std::move(loss));
}

// Of a table that was filled anew, the number of the last row that was delivered may be a hole.
Result<std::optional<std::int64_t>> CursorCheckpoint::find_stranger(OutboxTable& table) const {
  for (std::size_t older = 1; older < evidence_.witnesses.size(); ++older) {
    const Witness& witness = evidence_.witnesses[older];
    const auto numbering = table.numbering(witness.number);
    if (!numbering) return fail(numbering.error());
    if (!shows_row(*numbering)) continue;
    if (is_same(witness, *numbering->row_id)) break;
    return std::optional(witness.number);
  }
  return std::optional<std::int64_t>();
}

std::string CursorCheckpoint::given_again(const Numbering& numbering, std::int64_t passed_to) const {
  const std::string never = words_of_never(passed_to);
  if (numbering.given && *numbering.given < passed_to)
    return "its sequence stands at " + std::to_string(*numbering.given) + never;
  // One that never gave any belongs to a table whose rows bring their numbers.
  if (sequence_ == Sequence::kHasGiven && numbering.gives_first && *numbering.gives_first <= passed_to)
    return "its sequence was started anew and gives " + std::to_string(*numbering.gives_first) + " next" + never;
  if (evidence_.witnesses.empty() || !shows_row(numbering)) return {};
  const Witness& witness = evidence_.witnesses.front();
  if (is_same(witness, *numbering.row_id)) return {};
  return words_of_stranger(witness.number, passed_to);
}

// Where older rows are left, or the server is another one, the end was lost; else the numbers were started again.
Result<NumberLoss> CursorCheckpoint::loss_of(OutboxTable& table, const std::string& why, std::int64_t passed_to,
                                             std::optional<std::int64_t> given) const {
  const auto survivor = find_survivor(table, given);
  if (!survivor) return fail(survivor.error());
  NumberLoss loss = foreign(why, passed_to);
  if (*survivor || is_promoted(table)) loss.why = Error(codes::kOutboxLostTail, loss.why.message());
  if (*survivor) loss.from = **survivor;
  return loss;
}

Result<std::optional<std::int64_t>> CursorCheckpoint::find_survivor(OutboxTable& table,
                                                                    std::optional<std::int64_t> given) const {
  for (const Witness& witness : evidence_.witnesses) {
    if (given && *given < witness.number) continue;
    const auto numbering = table.numbering(witness.number);
    if (!numbering) return fail(numbering.error());
    if (numbering->row_id && is_same(witness, *numbering->row_id)) return std::optional(witness.number);
  }
  return std::optional<std::int64_t>();
}

// A sequence that stands behind the row shows that the table goes on with the same numbers: an upgrade, a dump.
Result<NumberLoss> CursorCheckpoint::foreign_table(OutboxTable& table, std::int64_t passed_to) const {
  NumberLoss loss = foreign("it was made in another database, or the table was made anew", passed_to);
  if (by_xid() || !parse_ranges(stored_->position)) return loss;
  const auto numbering = table.numbering({});
  if (!numbering) return fail(numbering.error());
  if (!numbering->given) return loss;
  const auto survivor = find_survivor(table, numbering->given);
  if (!survivor) return fail(survivor.error());
  if (*survivor) loss.from = **survivor;
  return loss;
}

NumberLoss CursorCheckpoint::foreign(const std::string& why, std::int64_t passed_to) const {
  const std::string place =
      stored_ ? "the checkpoint `" + stored_->position.substr(0, 80) + "`" : std::string("what was read");
  const std::int64_t to = std::max<std::int64_t>({passed_to, handed_out_, 0});
  return {
      Error(codes::kOutboxCheckpointForeign, place + " does not fit table " + settings_.table.to_string() + ": " + why),
      0, to};
}

bool CursorCheckpoint::is_promoted(const OutboxTable& table) const {
  return stored_ && stored_->timeline != table.identity().timeline;
}

ScanPlan::AskNumbering CursorCheckpoint::wish() const {
  if (evidence_.witnesses.empty()) return {};
  return {evidence_.witnesses.front().number};
}

Status CursorCheckpoint::check(OutboxTable& table, const Numbering& numbering, const LowMark& low_mark,
                               std::optional<std::int64_t> found) {
  if (numbering.given) sequence_ = Sequence::kHasGiven;
  if (const std::string why = given_again(numbering, passed_to(low_mark.open())); !why.empty()) {
    auto given = numbering.given;
    if (!given && sequence_ == Sequence::kHasGiven && numbering.gives_first) given = *numbering.gives_first - 1;
    auto loss = loss_of(table, why, passed_to(low_mark.open()), given);
    if (!loss) return fail(std::move(loss.error()));
    unrecorded_ = *std::move(loss);
    if (auto recorded = lost_.put_on_record(*unrecorded_, evidence_.passed_gap); !recorded) return recorded;
    return fail(std::exchange(unrecorded_, std::nullopt)->why);
  }
  if (numbering.given && found && *numbering.given < *found)
    return fail(
        codes::kOutboxOrderMissing,
        "table " + settings_.table.to_string() + ": there is a row with number " + std::to_string(*found) +
            ", while the sequence of `" + settings_.order_by + "` stands at " + std::to_string(*numbering.given) +
            ": rows that get a number between them would never be delivered. Raise the sequence with setval() to "
            "the highest number of the table.");
  if (found) handed_out_ = std::max(handed_out_, *found);
  return {};
}

void CursorCheckpoint::settled(const RowKey& row) {
  std::string scratch;
  const auto cell = text_of(row.id, scratch);
  auto witness = cell ? witness_in(row.number, *cell) : std::nullopt;
  if (by_xid()) evidence_.witnesses.clear();  // numbers say nothing of the order
  if (witness) add_witness(evidence_.witnesses, *std::move(witness));
}

// Inside of a JSON column only the id counts: the rest may change once the row is delivered.
std::optional<std::string> CursorCheckpoint::id_in(std::string_view cell) const {
  const auto* pointed = settings_.pointed(Role::kId);
  if (pointed == nullptr) return std::string(cell);
  if (!is_json(cell)) return std::nullopt;
  const auto value = find_by_pointer(cell, pointed->pointer);
  return value ? text_of_json(*value) : std::nullopt;
}

std::optional<Witness> CursorCheckpoint::witness_in(std::int64_t number, std::string_view cell) const {
  const auto id = id_in(cell);
  return id ? witness_of(number, *id) : std::nullopt;
}

Status CursorCheckpoint::advance(const OutboxTable& table, const XidPlace& place) {
  return advance(table, words_of(place, evidence_));
}

Status CursorCheckpoint::advance(const OutboxTable& table, std::span<const NumberRange> unsettled) {
  return advance(table, words_of(unsettled, evidence_));
}

Status CursorCheckpoint::advance(const OutboxTable& table, std::string position) {
  const OutboxTable::Identity identity = table.identity();
  SourceCheckpoint to{std::move(position), identity.system_identifier, identity.timeline};
  pass_failpoint("outbox.in_settle");
  if (auto advanced = checkpoints_.advance(lease_, settings_.source_name, stored_, to); !advanced) return advanced;
  stored_ = std::move(to);
  return {};
}

}  // namespace penstock::outbox
