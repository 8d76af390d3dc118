#include "store/archive/partial_archive.h"

#include "store/archive/archive_reader.h"
#include "store/archive/line_parser.h"
#include "store/archive/row_walk.h"

namespace penstock::store::archive {
namespace {

std::string_view word_of(Style style) { return style == Style::kCloudEvents ? "cloudevents" : "jsonl"; }

tl::unexpected<Error> of_another_store(const std::string& place) {
  return fail(codes::kStoreOtherEvents, place + " is of another store: name another file, or remove it");
}

Status check_header(const std::string& name, const Header& header, Store& store, Position head) {
  const auto identity = store.identity();
  if (!identity) return fail(identity.error());
  if (header.identity != *identity || header.after > head) return of_another_store(name);
  const auto floor = store.log().floor();
  if (!floor) return fail(floor.error());
  if (header.after < *floor)
    return fail(
        codes::kStoreRemoved,
        name + " begins behind position " + std::to_string(header.after.value) + ", and the log was dropped up to " +
            std::to_string(floor->value) +
            " since, so it can't be compared with the store any more: export to another file. What it holds can "
            "be imported with --accept-cut");
  if (header.after == Position{0}) return {};
  const auto id = store.log().event_id_at(header.after);
  if (!id) return fail(id.error());
  return *id == header.after_id ? Status() : of_another_store(name);
}

class Proof {
 public:
  Proof(LineReader lines, Header header, Style style) : lines_(std::move(lines)) {
    written_.reached = header.after;
    written_.reached_id = header.after_id;
    written_.header = std::move(header);
    written_.style = style;
  }

  Result<Written> run(Store& store, Transfer& transfer, Position head, const OnProgress& on_progress) {
    if (auto header = next_line(); !header) return fail(std::move(header.error()));
    if (!line_) return fail(codes::kArchiveCut, lines_.name() + " ends in its first line: remove it, and begin anew");
    take();
    RowWalk walk(store.log(), transfer, written_.reached, head);
    for (;;) {
      const auto rows = walk.next();
      if (!rows) return fail(rows.error());
      if (rows->empty()) break;
      for (const LogRow& row : *rows) {
        if (auto line = next_line(); !line) return fail(std::move(line.error()));
        if (!is_line_of(row)) return end_before(&row);
        take();
        written_.reached = *row.event.position;
        written_.reached_id = row.event.id;
        ++written_.rows;
      }
      on_progress({written_.rows, std::nullopt});
    }
    if (auto line = next_line(); !line) return fail(std::move(line.error()));
    return end_before(nullptr);
  }

 private:
  // line_ is nullopt where no whole line is left.
  Status next_line() {
    auto line = lines_.next();
    if (!line) return fail(std::move(line.error()));
    line_ = *line && (*line)->ends == Line::Ends::kWithLineFeed ? *line : std::nullopt;
    return {};
  }

  void take() {
    written_.digest.add(line_->text);
    written_.digest.add("\n");
    written_.bytes += line_->text.size() + 1;
  }

  bool is_line_of(const LogRow& row) {
    if (!line_) return false;
    expected_.clear();
    append_line(expected_, row, written_.style);
    expected_.pop_back();
    return line_->text == expected_;
  }

  // `row` is what the store has there: null for nothing. The same event in other words is no reason to stop.
  Result<Written> end_before(const LogRow* row) {
    if (!line_) return std::move(written_);
    EventBatchBuilder memory;
    const auto entry = parse_line(line_->text, memory);
    const auto* found = entry ? std::get_if<LogRow>(&*entry) : nullptr;
    const bool belongs_here = found != nullptr && found->event.position == written_.reached.next();
    if (belongs_here && (row == nullptr || row->event.id != found->event.id))
      return of_another_store(lines_.name() + ":" + std::to_string(line_->number));
    return std::move(written_);
  }

  LineReader lines_;
  std::optional<Line> line_;
  std::string expected_;
  Written written_;
};

}  // namespace

Result<Written> prove_partial(const std::string& name, std::optional<Style> style, Store& store, Transfer& transfer,
                              Position head, const OnProgress& on_progress) {
  const auto reader = ArchiveReader::open(name, ArchiveReader::Cut::kAccepted);
  if (!reader) return fail(reader.error());
  if (style.value_or(reader->style()) != reader->style())
    return fail(codes::kStoreInvalidRequest, name + " is written as " + std::string(word_of(reader->style())) +
                                                 ", not as " + std::string(word_of(*style)));
  if (auto ours = check_header(name, reader->header(), store, head); !ours) return fail(std::move(ours.error()));
  auto lines = LineReader::open(name);
  if (!lines) return fail(std::move(lines.error()));
  return Proof(std::move(*lines), reader->header(), reader->style()).run(store, transfer, head, on_progress);
}

}  // namespace penstock::store::archive
