#include "connectors/wal/transactions.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace penstock::wal {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;
constexpr std::size_t kSpareBytes = 16 << 10;

tl::unexpected<Error> confused(std::string what) { return fail(codes::kWalProtocol, std::move(what)); }

std::string named(Xid xid) { return "transaction " + std::to_string(xid.value); }

}  // namespace

// What stands before each change in the buffer and in the file.
struct Transaction::Header {
  std::uint32_t bytes;
  std::uint32_t xid;
  Change::Kind kind;
  PgoutputDecoder::Within within;
};

void Transaction::add_header(const Change& change, Xid xid) {
  const Header header{static_cast<std::uint32_t>(change.bytes.size()), xid.value, change.kind, change.within};
  char raw[sizeof header] = {};
  std::memcpy(raw, &header, sizeof header);
  buffer_.append(raw, sizeof raw);
  if (change.is_event()) count(xid);
}

void Transaction::add(const Change& change, Xid xid) {
  add_header(change, xid);
  buffer_.append(change.bytes);
}

Status Transaction::add_to_file(const Change& change, Xid xid, const std::string& folder) {
  add_header(change, xid);
  if (auto written = spill(folder); !written) return written;
  return file_.append(folder, change.bytes);
}

Status Transaction::spill(const std::string& folder) {
  if (auto written = file_.append(folder, buffer_); !written) return written;
  buffer_.clear();
  if (runs_.empty()) return {};
  if (auto written = runs_file_.append(folder, runs_); !written) return written;
  runs_.clear();
  return {};
}

void Transaction::trim() {
  for (std::string* bytes : {&buffer_, &runs_})
    if (bytes->capacity() > kSpareBytes && bytes->capacity() / 2 > bytes->size()) bytes->shrink_to_fit();
}

void Transaction::count(Xid sub) {
  ++events_;
  if (run_.xid != sub.value || run_.events == std::numeric_limits<std::uint32_t>::max()) end_run();
  run_.xid = sub.value;
  ++run_.events;
}

void Transaction::end_run() {
  if (run_.events == 0) return;
  char raw[sizeof run_] = {};
  std::memcpy(raw, &run_, sizeof run_);
  runs_.append(raw, sizeof raw);
  run_ = {};
}

Status Transaction::leave_out_rolled_back() {
  std::ranges::sort(rolled_back_);
  if (!rolled_back_.empty()) {
    end_run();
    std::string piece;
    for (std::uint64_t at = 0; at < runs_file_.size(); at += piece.size()) {
      piece.clear();
      if (auto read = runs_file_.read(at, kReadBytes, piece); !read) return read;
      leave_out_rolled_back(piece);
    }
    leave_out_rolled_back(runs_);
  }
  std::string().swap(runs_);
  runs_file_ = SpillFile();
  return {};
}

void Transaction::leave_out_rolled_back(std::string_view runs) {
  for (; !runs.empty(); runs.remove_prefix(sizeof(Run))) {
    Run run;
    std::memcpy(&run, runs.data(), sizeof run);
    if (is_rolled_back(Xid{run.xid})) events_ -= run.events;
  }
}

bool Transaction::is_rolled_back(Xid sub) const { return std::ranges::binary_search(rolled_back_, sub); }

// Sees to it that so many bytes lie behind at_; false at the end.
Result<bool> Transaction::fill(std::size_t bytes) {
  if (stage_ == Stage::kFilling) {
    stage_ = Stage::kReading;
    tail_ = std::move(buffer_);
    buffer_.clear();
    if (file_.size() == 0) buffer_.swap(tail_);
  }
  while (buffer_.size() - at_ < bytes) {
    buffer_.erase(0, at_);
    at_ = 0;
    trim();
    if (file_at_ < file_.size()) {
      const std::size_t held = buffer_.size();
      if (auto got = file_.read(file_at_, std::max(bytes, kReadBytes), buffer_); !got)
        return fail(std::move(got.error()));
      file_at_ += buffer_.size() - held;
    } else if (!tail_.empty()) {
      buffer_ += tail_;
      std::string().swap(tail_);
    } else if (buffer_.empty()) {
      return false;
    } else {
      return confused("a kept transaction ends in the middle of a change");
    }
  }
  return true;
}

Result<std::optional<Change>> Transaction::next() {
  for (;;) {
    const auto more = fill(sizeof(Header));
    if (!more) return fail(more.error());
    if (!*more) return std::nullopt;
    Header header{};
    std::memcpy(&header, buffer_.data() + at_, sizeof header);
    if (const auto whole = fill(sizeof header + header.bytes); !whole) return fail(whole.error());
    const std::string_view bytes(buffer_.data() + at_ + sizeof header, header.bytes);
    at_ += sizeof header + header.bytes;
    // The server has sent a relation's columns once for all of the transaction.
    const Change change{header.kind, header.within, bytes};
    if (change.is_event() && is_rolled_back(Xid{header.xid})) continue;
    return change;
  }
}

Status Transactions::begin(Xid xid) {
  if (open_) return confused(named(xid) + " begins inside of another one");
  if (!running_.try_emplace(xid).second) return confused(named(xid) + " begins twice");
  open_ = xid;
  return {};
}

Status Transactions::stream_start(Xid xid, StreamStartMessage::Segment segment) {
  if (open_) return confused("a stream of " + named(xid) + " begins inside of another one");
  const auto known = running_.find(xid);
  if (segment == StreamStartMessage::Segment::kFirst) {
    if (known != running_.end()) return confused("the first stream of " + named(xid) + " comes twice");
    running_.try_emplace(xid);
  } else if (known == running_.end()) {
    return confused("a later stream of " + named(xid) + " comes without a first one");
  }
  open_ = xid;
  return {};
}

Status Transactions::stream_stop() {
  if (!open_) return confused("a stream ends that has not begun");
  running_.at(*open_).trim();
  open_.reset();
  return {};
}

Status Transactions::add(const Change& change, std::optional<Xid> sub) {
  if (!open_) return confused("a change comes outside of a transaction");
  Transaction& transaction = running_.at(*open_);
  const Xid xid = sub.value_or(*open_);
  memory_ -= transaction.memory_bytes();
  if (change.bytes.size() > limits_.memory_bytes) return transaction.add_to_file(change, xid, limits_.folder);
  transaction.add(change, xid);
  memory_ += transaction.memory_bytes();
  return memory_ > limits_.memory_bytes ? make_room() : Status();
}

Status Transactions::make_room() {
  const auto largest =
      std::ranges::max_element(running_, {}, [](const auto& one) { return one.second.memory_bytes(); });
  memory_ -= largest->second.memory_bytes();
  auto spilled = largest->second.spill(limits_.folder);
  if (largest->first != open_) largest->second.trim();
  return spilled;
}

Result<Transaction> Transactions::take(std::map<Xid, Transaction>::iterator found, Lsn end, std::int64_t commit_time) {
  memory_ -= found->second.memory_bytes();
  found->second.trim();
  Transaction transaction = std::move(found->second);
  transaction.xid_ = found->first;
  running_.erase(found);
  transaction.commit_end_ = end;
  transaction.commit_time_ = commit_time;
  if (auto left_out = transaction.leave_out_rolled_back(); !left_out) return fail(std::move(left_out.error()));
  return transaction;
}

Result<Transaction> Transactions::commit(Lsn end, std::int64_t commit_time) {
  if (!open_) return confused("a commit comes without a begin");
  const auto found = running_.find(*open_);
  open_.reset();
  return take(found, end, commit_time);
}

Result<Transaction> Transactions::stream_commit(Xid xid, Lsn end, std::int64_t commit_time) {
  const auto found = running_.find(xid);
  if (open_ || found == running_.end()) return confused("the commit of " + named(xid) + " comes unexpectedly");
  return take(found, end, commit_time);
}

Status Transactions::stream_abort(Xid xid, Xid sub) {
  const auto found = running_.find(xid);
  if (open_ || found == running_.end()) return confused("the abort of " + named(xid) + " comes unexpectedly");
  if (xid != sub) {
    found->second.rolled_back_.push_back(sub);
    return {};
  }
  memory_ -= found->second.memory_bytes();
  running_.erase(found);
  return {};
}

}  // namespace penstock::wal
