#include "store/archive/importer.h"

#include "store/archive/row_proof.h"
#include "store/archive/row_walk.h"

namespace penstock::store::archive {
namespace {

constexpr std::size_t kBatchRows = 4'000, kBatchBytes = 8 << 20;
constexpr std::size_t kParkedBytes = 4 << 20;
constexpr std::uint64_t kProgressRows = 10'000;

// A row of the archive against the one that the store has. What was scavenged in one of them is the same
// event as long as its names are.
bool is_same(const LogRow& given, const LogRow& stored) {
  const Event &a = given.event, &b = stored.event;
  if (a.id != b.id || a.stream != b.stream || a.category != b.category || a.version != b.version) return false;
  if (given.is_stub() || stored.is_stub()) return true;
  return a.type == b.type && a.data == b.data && a.content_type == b.content_type && a.metadata == b.metadata &&
         a.occurred_at == b.occurred_at && a.recorded_at == b.recorded_at;
}

std::size_t size_of(const ParkedEvent& parked) {
  return sizeof(ParkedEvent) + parked.content.size() + parked.reason.size() + parked.source_key.size();
}

class Importer {
 public:
  Importer(Store& store, Transfer& transfer, ArchiveReader& archive, const ImportSettings& settings,
           const OnProgress& on_progress)
      : store_(store),
        transfer_(transfer),
        archive_(archive),
        settings_(settings),
        on_progress_(on_progress),
        proof_(archive.header(), settings.limits) {}

  Result<ImportSummary> run() {
    auto done = import();
    if (done || begun_ == Begun::kNo) return done;
    if (is_untouched() && transfer_.finish()) return done;
    return fail(std::move(done.error())
                    .with_context("the store stays closed until an import of the whole archive has ended, or begin "
                                  "again with an empty database"));
  }

 private:
  Result<ImportSummary> import() {
    if (auto found = look_at_store(); !found) return fail(std::move(found.error()));
    for (;;) {
      auto entry = archive_.next(memory_);
      if (!entry) return fail(std::move(entry.error()));
      if (!*entry) break;
      if (auto done = take(std::move(**entry)); !done) return fail(std::move(done.error()));
    }
    if (auto loaded = load_batch(); !loaded) return fail(std::move(loaded.error()));
    if (auto parked = park_batch(); !parked) return fail(std::move(parked.error()));
    if (may_write())
      if (auto finished = finish(); !finished) return fail(std::move(finished.error()));
    summary_.head = archive_.reached();
    if (archive_.was_cut()) summary_.whole = ImportSummary::Whole::kNo;
    return summary_;
  }

  // Nothing was written to a store that was open: it can be opened again.
  bool is_untouched() const {
    return filling_.open == Filling::Open::kNo && begins_ == Begins::kAtTheBeginning && summary_.written == 0 &&
           summary_.others == 0;
  }

  // The archive must touch what the store has, and go on from the same event.
  Status look_at_store() {
    const auto filling = transfer_.filling();
    if (!filling) return fail(filling.error());
    filling_ = *filling;
    const Header& header = archive_.header();
    if (filling_.head == Position{0} && header.after > Position{0} && header.after == header.floor) {
      begins_ = Begins::kBehindTheFloor;
      return {};
    }
    if (header.after > filling_.head)
      return fail(codes::kStoreOtherEvents, "the archive begins behind position " + std::to_string(header.after.value) +
                                                ", the store ends at " + std::to_string(filling_.head.value) +
                                                ": import what comes before it first");
    if (header.after > Position{0}) {
      const auto id = store_.log().event_id_at(header.after);
      if (!id) return fail(id.error());
      if (*id != header.after_id) return differs(header.after);
    }
    walk_.emplace(store_.log(), transfer_, header.after, filling_.head);
    return {};
  }

  Status take(Entry entry) {
    if (const auto* row = std::get_if<LogRow>(&entry)) return take_row(*row);
    if (auto loaded = load_batch(); !loaded) return loaded;
    if (!may_write()) return {};
    const auto* stream = std::get_if<StreamEntry>(&entry);
    if (stream == nullptr && settings_.others == Others::kLeftOut) return {};
    return at_this_line(stream != nullptr ? keep_stream(*stream) : keep_other(std::move(entry)));
  }

  Status at_this_line(Status done) const {
    return done ? done : fail(std::move(done.error()).with_context(archive_.place()));
  }

  Status take_row(const LogRow& row) {
    if (archive_.rows() % kProgressRows == 0) report();
    if (auto fits = proof_.admit(row); !fits) return at_this_line(std::move(fits));
    if (*row.event.position <= filling_.head) {
      if (auto same = verify(row); !same) return at_this_line(std::move(same));
      ++summary_.verified;
      bytes_ += row.event.size_bytes();
      return bytes_ >= kBatchBytes ? load_batch() : Status();
    }
    if (rows_.empty()) first_line_ = archive_.line();
    rows_.push_back(row);
    bytes_ += row.event.size_bytes();
    return rows_.size() >= kBatchRows || bytes_ >= kBatchBytes ? load_batch() : Status();
  }

  Status verify(const LogRow& row) {
    if (stored_.empty()) {
      const auto page = walk_->next();
      if (!page) return fail(page.error());
      stored_ = *page;
    }
    if (stored_.empty() || !is_same(row, stored_.front())) return differs(*row.event.position);
    stored_ = stored_.subspan(1);
    return {};
  }

  static tl::unexpected<Error> differs(Position position) {
    return fail(codes::kStoreOtherEvents, "the store has another event at position " + std::to_string(position.value));
  }

  Status load_batch() {
    if (!rows_.empty()) {
      if (auto begun = begin(); !begun) return begun;
      // What only the store can know of one of many rows is told by its position.
      if (auto loaded = transfer_.load(rows_); !loaded)
        return fail(std::move(loaded.error())
                        .with_context(archive_.input().name() + ", lines " + std::to_string(first_line_) + " to " +
                                      std::to_string(first_line_ + rows_.size() - 1)));
      summary_.written += rows_.size();
    }
    rows_.clear();
    bytes_ = 0;
    memory_ = EventBatchBuilder();
    return {};
  }

  // Whether the store may be changed: it lacks something, or an import of it has not ended.
  bool may_write() const {
    return begun_ == Begun::kYes || filling_.open == Filling::Open::kYes || filling_.head == Position{0};
  }
  Status begin() {
    if (begun_ == Begun::kYes) return {};
    if (auto begun = transfer_.begin(filling_.head); !begun) return begun;
    const Header& header = archive_.header();
    if (begins_ == Begins::kBehindTheFloor)
      if (auto behind = transfer_.begin_behind(header.after, header.after_id); !behind) return behind;
    begun_ = Begun::kYes;
    return {};
  }
  Status finish() {
    if (auto begun = begin(); !begun) return begun;
    return transfer_.finish();
  }

  // What is read of a stream is looked at later than its events: where it is ahead of them, the removal of the
  // stream belongs to events that a later archive brings.
  Status keep_stream(const StreamEntry& stream) {
    if (auto begun = begin(); !begun) return begun;
    if (const auto& gone = stream.without_rows)
      if (auto kept = transfer_.keep_stream(stream.name, gone->category, gone->last_version); !kept) return kept;
    const auto found = store_.retention().find(stream.name);
    if (!found) return fail(found.error());
    if (!*found) return {};  // its events begin behind the end of the archive
    const Version behind = (*found)->last_version.next();
    auto kept = judge_limits(stream.name, *found, stream.limits);
    if (kept) kept = judge_truncation(stream.name, *kept, std::min(stream.truncate_before, behind));
    const bool is_tombstone = stream.state == StreamState::kTombstoned && stream.truncate_before <= behind;
    const bool is_deletion = stream.state == StreamState::kDeleted && stream.truncate_before == behind;
    if (kept && (is_tombstone || is_deletion))
      kept = judge_removal(stream.name, *kept, is_tombstone ? Removal::kTombstone : Removal::kDelete, AnyVersion{});
    if (!kept) return fail(std::move(kept.error()));
    ++summary_.others;
    return transfer_.keep_retention(stream.name, *kept);
  }

  Status keep_other(Entry entry) {
    if (auto begun = begin(); !begun) return begun;
    ++summary_.others;
    if (const auto* checkpoint = std::get_if<CheckpointEntry>(&entry))
      return transfer_.keep_checkpoint(checkpoint->route, checkpoint->position, checkpoint->event_id);
    if (const auto* source = std::get_if<SourceCheckpointEntry>(&entry))
      return transfer_.keep_source_checkpoint(source->source, source->checkpoint);
    if (auto* parked = std::get_if<ParkedEvent>(&entry)) {
      parked_bytes_ += size_of(*parked);
      parked_.push_back(std::move(*parked));
      return parked_bytes_ >= kParkedBytes ? park_batch() : Status();
    }
    const auto& gap = std::get<GapRecord>(entry);
    const auto number = store_.gaps().record(gap);
    if (!number) return fail(number.error());
    return gap.acknowledged_by.empty() ? Status() : store_.gaps().acknowledge(*number, gap.acknowledged_by);
  }

  Status park_batch() {
    if (!parked_.empty())
      if (auto parked = store_.parked().park(parked_); !parked) return parked;
    parked_.clear();
    parked_bytes_ = 0;
    return {};
  }

  void report() const {
    Progress progress{archive_.rows(), std::nullopt};
    if (const auto size = archive_.input().size_bytes(); size && *size > 0)
      progress.share = static_cast<double>(archive_.bytes()) / static_cast<double>(*size);
    on_progress_(progress);
  }

  Store& store_;
  Transfer& transfer_;
  ArchiveReader& archive_;
  const ImportSettings& settings_;
  const OnProgress& on_progress_;
  Filling filling_;  // as it was found
  enum class Begins { kAtTheBeginning, kBehindTheFloor } begins_ = Begins::kAtTheBeginning;
  enum class Begun { kNo, kYes } begun_ = Begun::kNo;
  RowProof proof_;
  std::optional<RowWalk> walk_;
  std::span<const LogRow> stored_;  // of the page of walk_: what is still to be compared
  EventBatchBuilder memory_;        // of rows_
  std::vector<LogRow> rows_;
  std::uint64_t first_line_ = 0;  // of rows_
  std::size_t bytes_ = 0;
  std::vector<ParkedEvent> parked_;
  std::size_t parked_bytes_ = 0;
  ImportSummary summary_;
};

}  // namespace

Result<ImportSummary> import_store(Store& store, Transfer& transfer, const ImportSettings& settings,
                                   const OnProgress& on_progress) {
  auto archive = ArchiveReader::open(settings.path, settings.cut);
  if (!archive) return fail(std::move(archive.error()));
  // Only what can be read twice is proved before anything is written.
  if (archive->input().size_bytes())
    if (auto proved = prove_archive(settings, on_progress); !proved) return proved;
  return Importer(store, transfer, *archive, settings, on_progress).run();
}

Result<ImportSummary> prove_archive(const ImportSettings& settings, const OnProgress& on_progress) {
  auto archive = ArchiveReader::open(settings.path, settings.cut);
  if (!archive) return fail(std::move(archive.error()));
  ImportSummary summary;
  RowProof proof(archive->header(), settings.limits);
  for (;;) {
    EventBatchBuilder memory;
    const auto entry = archive->next(memory);
    if (!entry) return fail(entry.error());
    if (!*entry) break;
    if (const auto* row = std::get_if<LogRow>(&**entry)) {
      if (auto fits = proof.admit(*row); !fits) return fail(std::move(fits.error()).with_context(archive->place()));
      if (++summary.written % kProgressRows == 0) on_progress({summary.written, std::nullopt});
    } else if (!std::holds_alternative<End>(**entry)) {
      ++summary.others;
    }
  }
  summary.head = archive->reached();
  if (archive->was_cut()) summary.whole = ImportSummary::Whole::kNo;
  return summary;
}

}  // namespace penstock::store::archive
