#include "store/postgres/postgres_transfer.h"

#include "store/event_tags.h"
#include "store/load_rules.h"
#include "store/postgres/event_encoding.h"
#include "store/postgres/postgres_retention.h"
#include "store/postgres/rows.h"
#include "store/postgres/session_opener.h"
#include "store/postgres/transfer_statements.h"
#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kConnecting{10};
// A page over all streams, or a batch of rows into a table that has grown large.
constexpr std::chrono::minutes kCall{5};

StreamRetention retention_from(const Rows& rows, std::size_t row) {
  StreamRetention found;
  found.state = parse_stream_state(rows.bytes(row, 1));
  found.last_version = Version{rows.integer(row, 2)};
  found.truncate_before = Version{rows.integer(row, 3)};
  if (!rows.is_null(row, 4)) found.limits.max_count = static_cast<std::uint64_t>(rows.integer(row, 4));
  if (!rows.is_null(row, 5)) found.limits.max_age = std::chrono::microseconds(rows.integer(row, 5));
  return found;
}

class PostgresTransfer final : public Transfer {
 public:
  PostgresTransfer(Secret url, Schema schema, std::string instance)
      : opener_(std::move(url), std::move(schema), std::move(instance)), statements_(opener_.schema()) {}

  Result<std::vector<Stub>> stubs(Position after, Position until) override {
    Parameters range;
    range.int8(after.value).int8(until.value);
    const auto rows = run(statements_.stubs, range);
    if (!rows) return fail(rows.error());
    std::vector<Stub> found;
    for (std::size_t row = 0; row < rows->size(); ++row)
      found.push_back({Position{rows->integer(row, 0)}, rows->uuid(row, 1), std::string(rows->bytes(row, 2)),
                       std::string(rows->bytes(row, 3)), Version{rows->integer(row, 4)}, rows->timestamp(row, 5)});
    return found;
  }

  Result<std::vector<RetainedStream>> retained_streams(std::string_view after, std::size_t limit) override {
    Parameters page;
    page.text(after).int8(static_cast<std::int64_t>(limit));
    const auto rows = run(statements_.retained, page);
    if (!rows) return fail(rows.error());
    std::vector<RetainedStream> found;
    for (std::size_t row = 0; row < rows->size(); ++row)
      found.push_back({std::string(rows->bytes(row, 0)), std::string(rows->bytes(row, 6)), retention_from(*rows, row),
                       rows->boolean(row, 7) ? RetainedStream::Rows::kNone : RetainedStream::Rows::kSome});
    return found;
  }

  Result<std::vector<std::pair<std::string, SourceCheckpoint>>> source_checkpoints() override {
    const auto rows = run(statements_.sources, {});
    if (!rows) return fail(rows.error());
    std::vector<std::pair<std::string, SourceCheckpoint>> found;
    for (std::size_t row = 0; row < rows->size(); ++row)
      found.emplace_back(
          std::string(rows->bytes(row, 0)),
          SourceCheckpoint{std::string(rows->bytes(row, 1)), std::string(rows->bytes(row, 2)), rows->integer(row, 3)});
    return found;
  }

  Result<Filling> filling() override {
    const auto rows = run(statements_.look, {});
    if (!rows) return fail(rows.error());
    if (rows->empty()) return fail(row_of_head_gone());
    return Filling{Position{rows->integer(0, 0)}, rows->boolean(0, 1) ? Filling::Open::kYes : Filling::Open::kNo};
  }

  Status begin(Position head) override {
    return in_transaction([&](Session& session, Deadline deadline) -> Status {
      // Each in its own statement: what was committed while the lock was waited for is seen.
      const Call looks[] = {
          {&statements_.begin, nullptr}, {&statements_.close, nullptr}, {&statements_.holder, nullptr}};
      const auto found = session.run_pipeline(looks, deadline);
      if (!found) return fail(found.error());
      const Rows &head_row = (*found)[1], &holder = (*found)[2];
      if (head_row.empty()) return fail(row_of_head_gone());
      if (head_row.integer(0, 0) != head.value) return moved(head_row.integer(0, 0), head);
      const bool is_open = head_row.boolean(0, 1);
      if (!is_open && !holder.empty()) return fail(codes::kStoreInUse, std::string(holder.bytes(0, 0)));
      Parameters importing;
      importing.boolean(true);
      const Call closing[] = {{&statements_.mark, &importing}, {&statements_.waiting, nullptr}};
      const auto closed = session.run_pipeline(closing, deadline);
      if (!closed) return not_closed(session, closed.error());
      if (!is_open && (*closed)[1].boolean(0, 0))
        return fail(codes::kStoreOtherEvents, "the store has events, written by SQL, that wait for a position");
      const auto committed = session.run(statements_.commit, {}, deadline);
      return committed ? Status() : fail(committed.error());
    });
  }

  Status begin_behind(Position floor, const EventId& id) override {
    Parameters at;
    at.int8(floor.value).uuid(id);
    const auto begun = run(statements_.begin_behind, at);
    if (!begun) return fail(begun.error());
    return begun->boolean(0, 0) ? Status() : fail(codes::kStoreOtherEvents, "the store has events already");
  }

  Status load(std::span<const LogRow> rows) override {
    return in_transaction(
        [&](Session& session, Deadline deadline) { return load_in_transaction(session, rows, deadline); });
  }

  Status keep_stream(std::string_view name, std::string_view category, Version last) override {
    Parameters stream;
    stream.text(name).text(category).int8(last.value);
    const auto kept = run(statements_.keep_stream, stream);
    return kept ? Status() : fail(kept.error());
  }

  Status keep_retention(std::string_view stream, const StreamRetention& retention) override {
    const auto kept = run(statements_.keep_retention, retention_row(stream, retention));
    return kept ? Status() : fail(kept.error());
  }

  Status keep_checkpoint(std::string_view route, Position position, const EventId& event) override {
    Parameters at;
    at.int8(position.value);
    const auto found = run(statements_.event_at, at);
    if (!found) return fail(found.error());
    const bool stands_there = position == Position{0} || (!found->empty() && found->uuid(0, 0) == event);
    if (!stands_there)
      return fail(codes::kStoreInvalidRequest, "the checkpoint of route \"" + std::string(route) +
                                                   "\" names an event that is not at position " +
                                                   std::to_string(position.value));
    Parameters checkpoint;
    checkpoint.text(route).int8(position.value).uuid(event);
    const auto kept = run(statements_.keep_checkpoint, checkpoint);
    return kept ? Status() : fail(kept.error());
  }

  Status keep_source_checkpoint(std::string_view source, const SourceCheckpoint& checkpoint) override {
    Parameters row;
    row.text(source).text(checkpoint.position).text(checkpoint.system_identifier).int8(checkpoint.timeline);
    const auto kept = run(statements_.keep_source, row);
    return kept ? Status() : fail(kept.error());
  }

  Status finish() override {
    Parameters importing;
    importing.boolean(false);
    const auto marked = run(statements_.mark, importing);
    return marked ? Status() : fail(marked.error());
  }

 private:
  Result<Session*> session() {
    if (session_ != nullptr && !session_->broken()) return session_.get();
    const Deadline deadline = Deadline::in(kConnecting);
    auto opened = opener_.open("transfer", deadline);
    if (!opened) return fail(std::move(opened.error()));
    // Pages and batches take what they take, and ours are the updates of head that its trigger lets pass.
    auto set = opened->session->execute("SET statement_timeout = 0; SET penstock.importing = 'on'", deadline);
    if (!set) return fail(std::move(set.error()));
    session_ = std::move(opened->session);
    return session_.get();
  }

  Result<Rows> run(const Statement& statement, const Parameters& parameters) {
    const auto ready = session();
    if (!ready) return fail(ready.error());
    return (*ready)->run(statement, parameters, Deadline::in(kCall));
  }

  // `work` ends with COMMIT where it succeeds.
  template <typename Work>
  Status in_transaction(Work work) {
    const auto ready = session();
    if (!ready) return fail(ready.error());
    const Deadline deadline = Deadline::in(kCall);
    Status done = work(**ready, deadline);
    if (done) return done;
    if (!session_->broken() && !session_->rollback(deadline)) session_->close();
    return done;
  }

  static tl::unexpected<Error> not_closed(const Session& session, Error error) {
    if (session.failure().condition != SqlCondition::kLockTimeout) return fail(std::move(error));
    return fail(codes::kStoreInUse, "a transaction that appended by SQL has not ended");
  }

  static tl::unexpected<Error> moved(std::int64_t head, Position expected) {
    return fail(codes::kStoreOtherEvents, "the head was " + std::to_string(expected.value) + " and is " +
                                              std::to_string(head) + ": somebody else appends");
  }

  Status load_in_transaction(Session& session, std::span<const LogRow> rows, Deadline deadline) {
    std::vector<std::string_view> names;
    std::unordered_map<std::string_view, bool> seen;
    for (const LogRow& row : rows)
      if (seen.try_emplace(row.event.stream, true).second) names.push_back(row.event.stream);
    Parameters streams;
    streams.texts(names);
    const Call locks[] = {
        {&statements_.begin, nullptr}, {&statements_.lock_head, nullptr}, {&statements_.lock_streams, &streams}};
    const auto locked = session.run_pipeline(locks, deadline);
    if (!locked) return fail(locked.error());
    const Rows &head = (*locked)[1], &known = (*locked)[2];
    if (head.empty()) return fail(row_of_head_gone());
    if (!head.boolean(0, 2)) return fail(codes::kStoreOtherEvents, "the import was ended by another program");
    LoadFacts facts{Position{head.integer(0, 0)}, Position{head.integer(0, 3)}, head.timestamp(0, 1), {}};
    for (std::size_t row = 0; row < known.size(); ++row)
      facts.streams[known.bytes(row, 0)] = {std::string(known.bytes(row, 1)), Version{known.integer(row, 2)},
                                            Version{known.integer(row, 3)}, parse_stream_state(known.bytes(row, 4))};
    const auto plan = plan_load(rows, facts);
    if (!plan) return fail(plan.error());
    return write(session, rows, *plan, deadline);
  }

  Status write(Session& session, std::span<const LogRow> rows, const LoadPlan& plan, Deadline deadline) {
    LoadEncoder encoder(rows, copy_data_);
    if (auto copied = session.copy_in(
            statements_.copy_rows, [&] { return encoder.next_chunk(); }, deadline);
        !copied)
      return refused(session, std::move(copied.error()));
    std::vector<std::string> tags;
    std::vector<std::int64_t> tagged;
    for (const LogRow& row : rows) {
      if (row.is_stub()) continue;
      for (std::string& tag : tags_of(row.event.metadata)) {
        tags.push_back(std::move(tag));
        tagged.push_back(row.event.position->value);
      }
    }
    std::vector<std::string_view> known, added, categories;
    std::vector<std::int64_t> known_versions, known_stubs, added_versions, added_stubs;
    for (const StreamAfterLoad& stream : plan.streams) {
      const bool is_new = stream.was == StreamAfterLoad::Was::kNew;
      (is_new ? added : known).push_back(stream.name);
      (is_new ? added_versions : known_versions).push_back(stream.last_version.value);
      (is_new ? added_stubs : known_stubs).push_back(stream.scavenged_before.value);
      if (is_new) categories.push_back(stream.category);
    }
    Parameters tag_rows, updates, inserts, stubs, head;
    tag_rows.texts(tags).int8s(tagged);
    updates.texts(known).int8s(known_versions).int8s(known_stubs);
    inserts.texts(added).int8s(added_versions).int8s(added_stubs).texts(categories);
    stubs.int8(plan.stubs);
    head.int8(plan.head.value).timestamptz(plan.recorded_at).int8(static_cast<std::int64_t>(added.size()));
    std::vector<Call> calls;
    if (!tags.empty()) calls.push_back({&statements_.insert_tags, &tag_rows});
    if (!known.empty()) calls.push_back({&statements_.update_streams, &updates});
    if (!added.empty()) calls.push_back({&statements_.insert_streams, &inserts});
    if (plan.stubs > 0) calls.push_back({&statements_.count_stubs, &stubs});
    calls.push_back({&statements_.update_head, &head});
    calls.push_back({&statements_.commit, nullptr});
    const auto written = session.run_pipeline(calls, deadline);
    return written ? Status() : refused(session, written.error());
  }

  // What stands twice came out of the rows, or another transaction was faster.
  static Status refused(const Session& session, Error error) {
    if (session.failure().condition != SqlCondition::kUniqueViolation) return fail(std::move(error));
    const bool by_id = session.failure().constraint == "events_id_stream";
    return by_id ? fail(codes::kStoreInvalidRequest, "an event id stands twice in its stream")
                 : fail(codes::kStoreOtherEvents, "another transaction wrote to one of the streams");
  }

  SessionOpener opener_;
  const TransferStatements statements_;
  std::unique_ptr<Session> session_;
  std::string copy_data_;
};

}  // namespace

Result<std::unique_ptr<Transfer>> make_postgres_transfer(const StoreSettings& settings, std::string instance) {
  auto schema = Schema::named(settings.schema);
  if (!schema) return fail(std::move(schema.error()));
  return std::make_unique<PostgresTransfer>(settings.url, std::move(*schema), std::move(instance));
}

}  // namespace penstock::store::postgres
