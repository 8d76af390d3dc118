#include "store/archive/archive_reader.h"

#include "store/archive/line_parser.h"

namespace penstock::store::archive {
namespace {

// The last line is an End, which is short.
constexpr std::size_t kEndLine = 4'096;

}  // namespace

Result<ArchiveReader> ArchiveReader::open(const std::string& path, Cut cut) {
  auto input = LineReader::open(path);
  if (!input) return fail(std::move(input.error()));
  ArchiveReader reader(std::move(*input), cut);
  EventBatchBuilder memory;
  const auto first = reader.read(memory);
  if (!first) return fail(first.error());
  if (cut == Cut::kRefused)
    if (auto whole = reader.look_at_end(); !whole) return fail(std::move(whole.error()));
  return reader;
}

Status ArchiveReader::look_at_end() const {
  const auto bytes = input_.last_bytes(kEndLine);
  if (!bytes) return fail(bytes.error());
  std::string_view last = *bytes;
  if (last.empty()) return {};  // no regular file: its end is seen when it comes
  const bool is_whole = last.ends_with('\n');
  if (is_whole) last.remove_suffix(1);
  if (const auto begin = last.rfind('\n'); begin != std::string_view::npos) last.remove_prefix(begin + 1);
  EventBatchBuilder memory;
  const auto entry = parse_line(last, memory);
  if (is_whole && entry && std::holds_alternative<End>(*entry)) return {};
  return fail(codes::kArchiveCut, input_.name() + " ends without its last line, which says what it holds");
}

Result<std::optional<Entry>> ArchiveReader::next(EventBatchBuilder& memory) {
  if (phase_ == Phase::kEnded || phase_ == Phase::kCut) return std::nullopt;
  auto entry = read(memory);
  if (!entry || !*entry || !std::holds_alternative<End>(**entry)) return entry;
  if (auto proved = check_end(std::get<End>(**entry)); !proved) return fail(std::move(proved.error()));
  const auto behind = input_.next();
  if (!behind) return fail(behind.error());
  if (*behind) {
    ++lines_;
    return malformed(1, "something stands behind the last line");
  }
  return std::nullopt;
}

Result<std::optional<Entry>> ArchiveReader::read(EventBatchBuilder& memory) {
  const auto line = input_.next();
  if (!line) return fail(line.error());
  if (!*line) return end_early("ends behind line " + std::to_string(lines_) + " without its last line");
  ++lines_;
  if ((*line)->ends == Line::Ends::kWithTheFile && phase_ != Phase::kHeader)
    return end_early("ends in the middle of line " + std::to_string(lines_));
  auto entry = parse_line((*line)->text, memory);
  if (!entry) return malformed(entry.error().column, entry.error().words);
  if (phase_ == Phase::kHeader && (*line)->text.starts_with("{\"specversion\"")) style_ = Style::kCloudEvents;
  if (auto admitted = admit(*entry); !admitted) return fail(std::move(admitted.error()));
  if (!std::holds_alternative<End>(*entry)) {
    digest_.add((*line)->text);
    digest_.add("\n");
    bytes_ += (*line)->text.size() + 1;
  }
  return std::move(*entry);
}

Result<std::optional<Entry>> ArchiveReader::end_early(std::string words) {
  if (phase_ == Phase::kHeader) return fail(codes::kArchiveCut, input_.name() + " is empty");
  if (cut_ == Cut::kAccepted) {
    phase_ = Phase::kCut;
    return std::nullopt;
  }
  return fail(codes::kArchiveCut, input_.name() + ":" + std::to_string(lines_) + ": the file " + words);
}

Status ArchiveReader::admit(const Entry& entry) {
  if (const auto* header = std::get_if<Header>(&entry)) {
    if (phase_ != Phase::kHeader) return malformed(1, "a second header");
    header_ = *header;
    reached_ = header->after;
    reached_id_ = header->after_id;
    phase_ = Phase::kRows;
    return {};
  }
  if (phase_ == Phase::kHeader) return malformed(1, "the file does not begin as an archive does");
  if (const auto* row = std::get_if<LogRow>(&entry)) return admit_row(*row);
  phase_ = std::holds_alternative<End>(entry) ? Phase::kEnded : Phase::kOthers;
  return {};
}

Status ArchiveReader::admit_row(const LogRow& row) {
  if (phase_ != Phase::kRows) return malformed(1, "an event stands behind what follows the events");
  if (*row.event.position != reached_.next())
    return malformed(1, "position " + std::to_string(row.event.position->value) + " stands where " +
                            std::to_string(reached_.next().value) + " belongs");
  reached_ = *row.event.position;
  reached_id_ = row.event.id;
  ++rows_;
  return {};
}

Status ArchiveReader::check_end(const End& end) const {
  if (end.rows != rows_ || end.head != reached_ || end.head_id != reached_id_)
    return malformed(1, "the last line says " + std::to_string(end.rows) + " events up to position " +
                            std::to_string(end.head.value) + ", the file holds " + std::to_string(rows_) + " up to " +
                            std::to_string(reached_.value));
  if (end.sha256 != to_hex(digest_.value()))
    return malformed(1, "the checksum is another one: a line before this one was changed");
  return {};
}

std::string ArchiveReader::place() const { return input_.name() + ":" + std::to_string(lines_); }

tl::unexpected<Error> ArchiveReader::malformed(std::size_t column, const std::string& words) const {
  return fail(codes::kArchiveMalformed, place() + ":" + std::to_string(column) + ": " + words);
}

}  // namespace penstock::store::archive
