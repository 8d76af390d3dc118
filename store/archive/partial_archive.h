// What an export has written, and how much of it can be gone on with where it did not end.
//
// A disk may have torn the file, another one may stand in its place, and events in it may have been scavenged since. So
// it is compared line by line with what would be written now, and from the first other line on it is written anew. That
// reads the store again up to there; a digest kept beside the file would spare that, but would have to reach the
// disk in step with it, and could not tell what the store has lost since.
#pragma once

#include <optional>
#include <string>

#include "core/digest.h"
#include "store/archive/entries.h"
#include "store/archive/exporter.h"

namespace penstock::store::archive {

struct Written {
  Header header;
  Style style = Style::kJsonLines;
  Position reached;
  EventId reached_id;
  std::uint64_t rows = 0, bytes = 0;
  Sha256 digest;  // of these bytes
};

// The header of the file and its rows up to `head`, as far as they are what would be written now. `transfer` is of
// the same store. Errors: those of ArchiveReader for its header; store.invalid_request when it has another style than
// `style`; store.other_events when it is of another store; store.removed when events were dropped behind its
// beginning, so that nothing can be compared any more; those of the store.
Result<Written> prove_partial(const std::string& name, std::optional<Style> style, Store& store, Transfer& transfer,
                              Position head, const OnProgress& on_progress);

}  // namespace penstock::store::archive
