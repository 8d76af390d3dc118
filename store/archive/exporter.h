// Writing a store out as an archive.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/clock.h"
#include "store/archive/archive_file.h"
#include "store/archive/line_writer.h"
#include "store/store.h"

namespace penstock::store::archive {

// Whether an archive carries what a store knows beside its events: what is read of its streams goes along
// always, checkpoints, parked rows and gap records on demand.
enum class Others { kTaken, kLeftOut };

struct Progress {
  std::uint64_t rows = 0;       // that were worked through
  std::optional<double> share;  // of the whole, from 0 to 1; nullopt where nobody knows
};
using OnProgress = std::function<void(const Progress&)>;

struct ExportSettings {
  std::string path;               // "-": standard output
  std::optional<Style> style;     // nullopt: JSON lines, or that of the file that is gone on with
  std::optional<Position> after;  // nullopt: behind the floor
  Others others = Others::kTaken;
  ArchiveFile::Existing existing = ArchiveFile::Existing::kRefused;
  // kResumed goes on with what an export to the same path has left, see partial_archive.h.
  enum class Begin { kNew, kResumed } begin = Begin::kNew;
  std::string program;  // its version, for the header
};

struct ExportSummary {
  std::uint64_t rows = 0, resumed_rows = 0;  // in the archive; of these, what was there already
  Position head;
  std::string sha256;
};

// Exports up to the head as it is at the time of the call; appends may go on meanwhile. `transfer` is of the
// same store. Errors: those of the store, of ArchiveFile, and of prove_partial(); store.invalid_request when `after` is
// beyond the head, store.removed when it is below the floor. The checkpoint of a route that lost what was dropped
// stands at the floor: there is no event at its own.
Result<ExportSummary> export_store(Store& store, Transfer& transfer, const ExportSettings& settings, const Clock& clock,
                                   const OnProgress& on_progress);

}  // namespace penstock::store::archive
