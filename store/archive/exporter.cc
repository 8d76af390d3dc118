#include "store/archive/exporter.h"

#include <filesystem>

#include "store/archive/partial_archive.h"
#include "store/archive/row_walk.h"
#include "store/store_faults.h"

namespace penstock::store::archive {
namespace {

constexpr std::size_t kBuffer = 1 << 20;
constexpr std::size_t kPage = 100, kStreams = 1'000;

StreamEntry entry_of(const RetainedStream& stream) {
  StreamEntry entry{stream.name, stream.retention.state, stream.retention.truncate_before, stream.retention.limits};
  if (stream.rows == RetainedStream::Rows::kNone) entry.without_rows = {stream.category, stream.retention.last_version};
  return entry;
}

class Exporter {
 public:
  Exporter(Store& store, Transfer& transfer, const ExportSettings& settings, const OnProgress& on_progress)
      : store_(store), transfer_(transfer), settings_(settings), on_progress_(on_progress) {}

  Result<ExportSummary> run(const Clock& clock) {
    // The checkpoints first: none of them is then beyond the events, and what was parked before they passed
    // it is found later.
    if (auto read = read_checkpoints(); !read) return fail(std::move(read.error()));
    const auto head = store_.log().head();
    if (!head) return fail(head.error());
    auto file = settings_.begin == ExportSettings::Begin::kNew ? start(*head, clock) : resume(*head, clock);
    if (!file) return fail(std::move(file.error()));
    file_ = &*file;
    if (auto begun = flush(0); !begun) return fail(std::move(begun.error()));
    if (auto rows = write_rows(*head); !rows) return fail(std::move(rows.error()));
    if (auto streams = write_streams(); !streams) return fail(std::move(streams.error()));
    if (settings_.others == Others::kTaken)
      if (auto others = write_others(); !others) return fail(std::move(others.error()));
    return finish();
  }

 private:
  Status read_checkpoints() {
    if (settings_.others == Others::kLeftOut) return {};
    const auto checkpoints = store_.checkpoints().list();
    if (!checkpoints) return fail(checkpoints.error());
    for (const auto& [route, checkpoint] : *checkpoints)
      checkpoints_.push_back({route, checkpoint.position, checkpoint.event_id});
    auto sources = transfer_.source_checkpoints();
    if (!sources) return fail(std::move(sources.error()));
    source_checkpoints_ = std::move(*sources);
    return {};
  }

  Result<ArchiveFile> start(Position head, const Clock& clock) {
    if (auto begun = begin_header(head, clock); !begun) return fail(std::move(begun.error()));
    return ArchiveFile::create(settings_.path, settings_.existing);
  }

  Status begin_header(Position head, const Clock& clock) {
    const auto floor = store_.log().floor();
    if (!floor) return fail(floor.error());
    const Position after = settings_.after.value_or(*floor);
    if (after > head)
      return fail(codes::kStoreInvalidRequest, "position " + std::to_string(after.value) +
                                                   " is beyond the head, which is " + std::to_string(head.value));
    if (after < *floor) return fail(removed_below(*floor));
    auto identity = store_.identity();
    if (!identity) return fail(std::move(identity.error()));
    const auto id = id_at(after);
    if (!id) return fail(id.error());
    written_.header = {kFormat, settings_.program, std::move(*identity), after, *id, *floor, clock.wall_now()};
    written_.style = settings_.style.value_or(Style::kJsonLines);
    written_.reached = after;
    written_.reached_id = *id;
    append_line(buffer_, Entry(written_.header), written_.style);
    return {};
  }

  Result<ArchiveFile> resume(Position head, const Clock& clock) {
    const std::string name = ArchiveFile::partial_path(settings_.path);
    std::error_code missing;
    if (std::filesystem::file_size(name, missing) == 0 && !missing) {
      if (auto begun = begin_header(head, clock); !begun) return fail(std::move(begun.error()));
      return ArchiveFile::resume(settings_.path, 0, settings_.existing);
    }
    auto written = prove_partial(name, settings_.style, store_, transfer_, head, on_progress_);
    if (!written) return fail(std::move(written.error()));
    written_ = std::move(*written);
    summary_.resumed_rows = written_.rows;
    return ArchiveFile::resume(settings_.path, written_.bytes, settings_.existing);
  }

  Result<EventId> id_at(Position position) {
    if (position == Position{0}) return EventId();
    const auto id = store_.log().event_id_at(position);
    if (!id) return fail(id.error());
    if (!*id) return fail(no_event_at(position));
    return **id;
  }

  Status write_rows(Position head) {
    RowWalk walk(store_.log(), transfer_, written_.reached, head);
    for (;;) {
      const auto done = static_cast<double>(written_.reached.value - written_.header.after.value);
      const auto all = static_cast<double>(head.value - written_.header.after.value);
      on_progress_({written_.rows, all > 0 ? done / all : 1});
      const auto rows = walk.next();
      if (!rows) return fail(rows.error());
      if (rows->empty()) return {};
      for (const LogRow& row : *rows) {
        append_line(buffer_, row, written_.style);
        if (auto flushed = flush(kBuffer); !flushed) return flushed;
      }
      written_.rows += rows->size();
      written_.reached = *rows->back().event.position;
      written_.reached_id = rows->back().event.id;
    }
  }

  Status write_streams() {
    for (std::string after;;) {
      const auto page = transfer_.retained_streams(after, kStreams);
      if (!page) return fail(page.error());
      for (const RetainedStream& stream : *page)
        if (auto written = write(entry_of(stream)); !written) return written;
      if (page->size() < kStreams) return {};
      after = page->back().name;
    }
  }

  // A route that a drop passed goes on at the floor, here as where the archive is imported; its gap record goes along.
  Result<CheckpointEntry> behind_floor(CheckpointEntry checkpoint, Position floor) {
    const auto record = find_dropped(store_.gaps(), checkpoint.route, checkpoint.position, floor);
    if (!record) return fail(record.error());
    if (!*record)
      return fail(removed_below(floor).with_context(
          "the checkpoint of route " + checkpoint.route + " at position " + std::to_string(checkpoint.position.value) +
          ", of which no record says what it loses (`penstock store drop --before " +
          std::to_string(floor.next().value) + " --past " + checkpoint.route + "` makes one)"));
    const auto id = id_at(floor);
    if (!id) return fail(id.error());
    checkpoint.position = floor;
    checkpoint.event_id = *id;
    return checkpoint;
  }

  Status write_others() {
    const auto floor = store_.log().floor();
    if (!floor) return fail(floor.error());
    for (const CheckpointEntry& checkpoint : checkpoints_) {
      const auto kept =
          checkpoint.position < *floor ? behind_floor(checkpoint, *floor) : Result<CheckpointEntry>(checkpoint);
      if (!kept) return fail(kept.error());
      if (auto written = write(*kept); !written) return written;
    }
    for (const auto& [source, checkpoint] : source_checkpoints_)
      if (auto written = write(SourceCheckpointEntry{source, checkpoint}); !written) return written;
    if (auto parked = write_parked(); !parked) return parked;
    return write_gaps();
  }

  Status write_parked() {
    for (std::int64_t after = 0;;) {
      const auto page = store_.parked().list("", after, kPage);
      if (!page) return fail(page.error());
      for (const ParkedEvent& listed : *page) {
        auto whole = store_.parked().find(listed.number);
        if (!whole) return fail(std::move(whole.error()));
        if (!*whole) continue;
        if (auto written = write(std::move(**whole)); !written) return written;
      }
      if (page->size() < kPage) return {};
      after = page->back().number;
    }
  }

  Status write_gaps() {
    return visit_gaps(store_.gaps(), [&](const GapRecord& gap) -> Result<VisitGaps> {
      if (auto written = write(gap); !written) return fail(std::move(written.error()));
      return VisitGaps::kGoOn;
    });
  }

  Result<ExportSummary> finish() {
    if (auto flushed = flush(0); !flushed) return fail(std::move(flushed.error()));
    summary_.rows = written_.rows;
    summary_.head = written_.reached;
    summary_.sha256 = to_hex(written_.digest.value());
    const End end{written_.rows, written_.reached, written_.reached_id, summary_.sha256};
    append_line(buffer_, Entry(end), written_.style);
    if (auto flushed = flush(0); !flushed) return fail(std::move(flushed.error()));
    if (auto finished = file_->finish(); !finished) return fail(std::move(finished.error()));
    return summary_;
  }

  Status write(const Entry& entry) {
    append_line(buffer_, entry, written_.style);
    return flush(kBuffer);
  }

  // When more than this waits.
  Status flush(std::size_t room) {
    if (buffer_.size() <= room) return {};
    if (auto written = file_->write(buffer_); !written) return written;
    written_.digest.add(buffer_);
    buffer_.clear();
    return {};
  }

  Store& store_;
  Transfer& transfer_;
  const ExportSettings& settings_;
  const OnProgress& on_progress_;
  std::vector<CheckpointEntry> checkpoints_;
  std::vector<std::pair<std::string, SourceCheckpoint>> source_checkpoints_;
  Written written_;
  ExportSummary summary_;
  ArchiveFile* file_ = nullptr;
  std::string buffer_;
};

}  // namespace

Result<ExportSummary> export_store(Store& store, Transfer& transfer, const ExportSettings& settings, const Clock& clock,
                                   const OnProgress& on_progress) {
  return Exporter(store, transfer, settings, on_progress).run(clock);
}

}  // namespace penstock::store::archive
