#include "connectors/wal/wal_stream.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "connectors/wal/wal_session.h"
#include "core/overloaded.h"

namespace penstock::wal {
namespace {

using store::postgres::ServerFacts;
using store::postgres::Session;
using store::postgres::SessionSettings;

constexpr std::chrono::seconds kCallDeadline{12};
constexpr std::chrono::seconds kStatusEvery{2};
// The server ends a stream of which it heard nothing for so long, and frees the slot for whoever took the lease over: a
// program that is stopped keeps its connection.
constexpr std::string_view kSilenceAtMost = "8s";
constexpr std::size_t kReadyBytes = 4 << 20;
constexpr std::size_t kTransactionMemory = 2 << 20;
// A large transaction arrives for minutes, and the server has to hear of us meanwhile.
constexpr int kMessagesPerTurn = 20'000;
constexpr std::chrono::milliseconds kLongestTurn{1'000};
// How long messages gather behind the last one that was taken.
constexpr std::chrono::milliseconds kGather{1};
// Silence after which the server is asked for an answer.
constexpr std::chrono::seconds kAskAfter{4};
// Between two looks no more than that counts as silence: nobody listened meanwhile.
constexpr std::chrono::seconds kLookCounts{2};

// The grammar of replication commands knows no escapes but the doubled quote.
std::string option_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

std::string spill_folder() {
  std::error_code ignored;
  const auto folder = std::filesystem::temp_directory_path(ignored);
  return folder.empty() ? "/tmp" : folder.string();
}

tl::unexpected<Error> not_understood(std::string_view what, const DecodeError& error) {
  return fail(codes::kWalProtocol, std::string(what) + " can't be read: " + std::string(error.what) + ", at byte " +
                                       std::to_string(error.offset));
}

}  // namespace

WalStream::WalStream(const WalSettings& settings, const Progress& start, ChangeReader reader, const Clock& clock)
    : settings_(settings),
      clock_(clock),
      start_(start),
      reader_(std::move(reader)),
      frames_(
          {settings.rows.event_bytes, settings.message_prefix, FrameReader::kPieceBytes, settings.rows.ignore.size()},
          [this](std::span<char> room) { return session_->next_piece(room); }),
      transactions_({kTransactionMemory, spill_folder()}),
      confirmation_(start),
      heartbeats_(settings.slot) {}

Result<std::unique_ptr<WalStream>> WalStream::open(const WalSettings& settings, const SessionSettings& session,
                                                   const ServerFacts& server, const Progress& start,
                                                   ChangeReader reader, const Clock& clock, Deadline deadline,
                                                   std::stop_token stop) {
  std::unique_ptr<WalStream> stream(new WalStream(settings, start, std::move(reader), clock));
  if (auto begun = stream->start(session, server, deadline, std::move(stop)); !begun)
    return fail(std::move(begun.error()));
  return stream;
}

Status WalStream::start(const SessionSettings& session, const ServerFacts& server, Deadline deadline,
                        std::stop_token stop) {
  SessionSettings wanted = session;
  wanted.parameters.emplace_back("wal_sender_timeout", std::string(kSilenceAtMost));
  // As long as a sink is away nothing is read, and the connection is full: TCP would take that for a peer that has
  // gone.
  wanted.parameters.emplace_back("tcp_user_timeout", "0");
  wanted.parameters.emplace_back("client_min_messages", "warning");  // see check_complete()
  auto opened = open_beside(server, wanted, deadline, stop);
  if (!opened) return fail(std::move(opened.error()));
  session_ = *std::move(opened);
  const std::string command = "START_REPLICATION SLOT " + outbox::quoted_identifier(settings_.slot) + " LOGICAL " +
                              to_string(start_.settled) + " (proto_version '2', streaming 'on', messages 'true'," +
                              " publication_names " + option_text(outbox::quoted_identifier(settings_.publication)) +
                              ")";
  last_status_ = looked_at_ = clock_.now();
  if (auto begun = session_->start_stream(command, deadline, std::move(stop)); !begun) {
    // Dropped since it was looked at. Behind the start this is said of publications only.
    if (session_->failure().sqlstate == "42704")
      return fail(codes::kWalSlotLost, "slot " + settings_.slot + ": " + begun.error().message());
    return fail(explain(std::move(begun.error())));
  }
  return {};
}

// What the server says about slots and publications has no code of its own in SQL.
Error WalStream::explain(Error error) const {
  const std::string& sqlstate = session_->failure().sqlstate;
  if (sqlstate == "55006") return {codes::kWalSlotInUse, "slot " + settings_.slot + ": " + error.message()};
  if (sqlstate == "55000") return {codes::kWalSlotLost, "slot " + settings_.slot + ": " + error.message()};
  if (sqlstate == "42704") return publication_is_younger(error.message());
  return error;
}

Error WalStream::publication_is_younger(const std::string& words) const {
  return {codes::kWalPublicationMissing,
          words + "; a slot sees only a publication that is older than what it reads: where it was dropped" +
              " meanwhile, SELECT pg_drop_replication_slot(" + option_text(settings_.slot) +
              "); puts what is missing on record, and the source makes a new slot"};
}

// From PostgreSQL 18 on a server leaves out the rows of a publication that isn't there yet where it reads, and says so
// in a warning ahead of what follows them. Older ones fail.
Status WalStream::check_complete() const {
  const Session::Warning& warning = session_->warning();
  if (warning.sqlstate != "55000" || settings_.reads_messages()) return {};
  return fail(publication_is_younger(warning.words));
}

Status WalStream::receive(std::size_t enough_events) {
  std::size_t ready_bytes = 0;
  for (const ReadyTransaction& one : ready_) ready_bytes += one.changes.memory_bytes();
  arrived_ = Arrived::kPerhapsMore;
  const SteadyTime until = clock_.now() + kLongestTurn;
  const auto may_go_on = [&] {
    return ready_events_ < enough_events && ready_bytes < kReadyBytes && clock_.now() < until;
  };
  int turn = 0;
  for (; turn < kMessagesPerTurn && may_go_on(); ++turn) {
    const auto frame = frames_.next(decoder_.within());
    if (!frame) return fail(explain(frame.error()));
    if (auto complete = check_complete(); !complete) return complete;
    if (!*frame) {
      arrived_ = Arrived::kAllTaken;
      break;
    }
    const std::size_t held = ready_.size();
    if (auto taken = take(**frame); !taken) return taken;
    if (ready_.size() > held) ready_bytes += ready_.back().changes.memory_bytes();
  }
  const SteadyTime now = clock_.now();
  if (turn > 0) last_message_ = now;
  measure_silence(turn, now);
  return {};
}

void WalStream::measure_silence(int messages, SteadyTime now) {
  const bool is_silent = messages == 0 && arrived_ == Arrived::kAllTaken && session_->arrivals() == arrivals_;
  silence_ = is_silent ? silence_ + std::min<Duration>(now - looked_at_, kLookCounts) : Duration::zero();
  arrivals_ = session_->arrivals();
  looked_at_ = now;
}

void WalStream::gather() const {
  if (arrived_ == Arrived::kPerhapsMore || has_ready()) return;
  const Duration rest = last_message_ + kGather - clock_.now();
  if (rest > Duration::zero()) std::this_thread::sleep_for(rest);
}

Status WalStream::take(const FrameReader::Frame& taken) {
  const auto frame = decode_frame(taken.bytes);
  if (!frame) return not_understood("a frame of the stream", frame.error());
  if (const auto* data = std::get_if<XLogData>(&*frame)) return take_message(data->payload, taken.form);
  const auto& keepalive = std::get<Keepalive>(*frame);
  if (!transactions_.is_open()) confirmation_.idle_at(keepalive.server_end);
  if (keepalive.reply == Keepalive::Reply::kNow) reply_ = Reply::kAsked;
  return {};
}

Status WalStream::take_message(std::string_view bytes, PgoutputDecoder::Form form) {
  ++messages_;
  const auto within = decoder_.within();
  const auto message = decoder_.decode(bytes, form);
  if (!message) return not_understood("a message of the log", message.error());
  return std::visit(
      Overloaded{
          [&](const BeginMessage& begin) { return transactions_.begin(begin.xid); },
          [&](const CommitMessage& commit) { return finish(transactions_.commit(commit.end, commit.commit_time)); },
          [&](const StreamStartMessage& start) { return transactions_.stream_start(start.xid, start.segment); },
          [&](const StreamStopMessage&) { return transactions_.stream_stop(); },
          [&](const StreamCommitMessage& commit) {
            return finish(transactions_.stream_commit(commit.xid, commit.end, commit.commit_time));
          },
          [&](const StreamAbortMessage& abort) { return transactions_.stream_abort(abort.xid, abort.sub); },
          [&](const auto&) {
            const bool is_whole = form == PgoutputDecoder::Form::kWhole;
            return keep(*message, {is_whole ? Change::Kind::kEvent : Change::Kind::kCutEvent, within, bytes});
          },
      },
      message->body);
}

Status WalStream::keep(const Message& message, const Change& change) {
  const auto meaning = reader_.look_at(message);
  if (!meaning) return fail(meaning.error());
  switch (*meaning) {
    case ChangeReader::Meaning::kNothing: return {};
    case ChangeReader::Meaning::kHeartbeat:
      heartbeats_.came(std::get<LogicalMessage>(message.body).content, clock_.now());
      return {};
    case ChangeReader::Meaning::kRelation:
      return transactions_.add({Change::Kind::kRelation, change.within, change.bytes}, message.xid);
    case ChangeReader::Meaning::kEvent: return transactions_.add(change, message.xid);
  }
  return {};
}

Status WalStream::finish(Result<Transaction> transaction) {
  if (!transaction) return fail(std::move(transaction.error()));
  const Lsn end = transaction->commit_end();
  const std::uint64_t events = transaction->events();
  std::uint64_t known = 0;
  if (end <= start_.settled) known = events;
  if (end == start_.partial.commit_end) known = std::min(start_.partial.index, events);
  confirmation_.committed(end, events, known);
  // A transaction without events may still have brought columns.
  if (transaction->is_empty()) return {};
  ready_events_ += events;
  ready_.push_back({std::move(*transaction), 0, known});
  return {};
}

void WalStream::pop_ready() {
  ready_events_ -= ready_.front().changes.events();
  ready_.pop_front();
}

Status WalStream::wait(Deadline deadline, const std::stop_token& stop) {
  // What the client library holds already does not show on the socket.
  if (arrived_ == Arrived::kPerhapsMore || deadline.expired() || stop.stop_requested()) return {};
  return session_->wait_message(deadline, stop);
}

Status WalStream::confirm(const std::stop_token& stop) {
  const std::int64_t now = store::postgres::to_postgres_time(clock_.wall_now());
  reply_ = Reply::kNotAsked;
  last_status_ = clock_.now();
  const auto answer = silence_ >= kAskAfter ? Keepalive::Reply::kNow : Keepalive::Reply::kWhenConvenient;
  return session_->send_message(encode_status(confirmation_.status(), now, answer), Deadline::in(kCallDeadline), stop);
}

Status WalStream::confirm_if_due(const std::stop_token& stop) {
  if (reply_ == Reply::kNotAsked && clock_.now() - last_status_ < kStatusEvery) return {};
  return confirm(stop);
}

}  // namespace penstock::wal
