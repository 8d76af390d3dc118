// An archive, entry by entry, proved on the way: what belongs behind what, no gap in the positions, and at
// the end that nothing is missing and no byte is another one.
#pragma once

#include <optional>
#include <string>

#include "core/digest.h"
#include "store/archive/entries.h"
#include "store/archive/line_reader.h"
#include "store/archive/line_writer.h"

namespace penstock::store::archive {

class ArchiveReader {
 public:
  // What becomes of an archive that has lost its end: its whole lines may be read all the same.
  enum class Cut { kRefused, kAccepted };

  // Reads the header. With kRefused a regular file must also have its last line: it is looked at first, so
  // that nothing is done with half an archive. Errors: archive.unreadable, archive.cut, archive.malformed
  // with file:line:column.
  static Result<ArchiveReader> open(const std::string& path, Cut cut);

  const Header& header() const { return header_; }
  Style style() const { return style_; }
  // Rows are valid until `memory` is finished and gone. nullopt behind the end, which has been proved by
  // then, or where an accepted cut is. Errors as of open().
  Result<std::optional<Entry>> next(EventBatchBuilder& memory);

  // Of the lines that were read so far.
  Position reached() const { return reached_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t line() const { return lines_; }
  std::uint64_t bytes() const { return bytes_; }
  bool was_cut() const { return phase_ == Phase::kCut; }

  // "file:line" of the last entry.
  std::string place() const;
  const LineReader& input() const { return input_; }

 private:
  ArchiveReader(LineReader input, Cut cut) : input_(std::move(input)), cut_(cut) {}

  // Which entries may come next.
  enum class Phase { kHeader, kRows, kOthers, kEnded, kCut };

  Status look_at_end() const;
  Result<std::optional<Entry>> read(EventBatchBuilder& memory);
  Result<std::optional<Entry>> end_early(std::string words);
  Status admit(const Entry& entry);
  Status admit_row(const LogRow& row);
  Status check_end(const End& end) const;
  tl::unexpected<Error> malformed(std::size_t column, const std::string& words) const;

  LineReader input_;
  Cut cut_;
  Phase phase_ = Phase::kHeader;
  Header header_;
  Position reached_;
  EventId reached_id_;
  Style style_ = Style::kJsonLines;
  std::uint64_t rows_ = 0, lines_ = 0, bytes_ = 0;
  Sha256 digest_;
};

}  // namespace penstock::store::archive
