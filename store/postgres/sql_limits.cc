#include "store/postgres/sql_limits.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kSetting{10};

}  // namespace

Status set_sql_limits(SessionOpener& opener, const AppendLimits& limits, Log& log) {
  const Deadline deadline = Deadline::in(kSetting);
  auto opened = opener.open("limits", deadline);
  if (!opened) return fail(std::move(opened.error()));
  // Nothing is written where nothing changes: many programs start more often than their limits change.
  const Statement set{
      "set_limits",
      opener.schema().expand(
          "UPDATE @schema@.limits l SET event_bytes = $1, batch_events = $2, batch_bytes = $3, stream_bytes = $4,"
          " type_bytes = $5, metadata_bytes = $6 WHERE l.id = 1 AND (l.event_bytes, l.batch_events, l.batch_bytes,"
          " l.stream_bytes, l.type_bytes, l.metadata_bytes) IS DISTINCT FROM ($1, $2, $3, $4, $5, $6) RETURNING l.id")};
  Parameters parameters;
  for (const std::size_t limit : {limits.event_bytes, limits.batch_events, limits.batch_bytes, limits.stream_bytes,
                                  limits.type_bytes, limits.metadata_bytes})
    parameters.int8(static_cast<std::int64_t>(limit));
  const auto changed = opened->session->run(set, parameters, deadline);
  if (!changed) return fail(Error(changed.error()).with_context("setting the limits of appends by SQL"));
  if (!changed->empty()) log.info("store", "appends by SQL have the limits of this program from now on");
  return {};
}

}  // namespace penstock::store::postgres
