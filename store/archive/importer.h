// Filling a store from an archive.
#pragma once

#include <cstdint>
#include <string>

#include "store/archive/archive_reader.h"
#include "store/archive/exporter.h"
#include "store/store.h"

namespace penstock::store::archive {

struct ImportSettings {
  std::string path;  // "-": standard input
  ArchiveReader::Cut cut = ArchiveReader::Cut::kRefused;
  Others others = Others::kTaken;
  AppendLimits limits;  // larger events are refused
};

struct ImportSummary {
  std::uint64_t written = 0;   // rows that the store got
  std::uint64_t verified = 0;  // rows that it had, and that are the same
  std::uint64_t others = 0;    // streams, checkpoints, parked rows and gap records that it got
  Position head;               // of the archive
  enum class Whole { kYes, kNo } whole = Whole::kYes;
};

// The store's log must be the beginning of the archive's, or begin with all of it: what it has is compared,
// and the import goes on behind it. So an import that was cut off is called again with the same archive.
// A regular file is read to its end first: where it is malformed or cut, nothing is written. Standard input can't be:
// what is found to be wrong with it on the way leaves the store closed, and the message says how it is opened again.
// `transfer` is of the same store. Errors: those of ArchiveReader, with the line; store.other_events with the
// first position where the logs differ; store.in_use; those of the store.
Result<ImportSummary> import_store(Store& store, Transfer& transfer, const ImportSettings& settings,
                                   const OnProgress& on_progress);

// Reads an archive to its end without a store. `written` counts its rows.
Result<ImportSummary> prove_archive(const ImportSettings& settings, const OnProgress& on_progress);

}  // namespace penstock::store::archive
