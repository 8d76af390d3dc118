// Finds out whether an event that a condition rules out is in the log.
//
// Each item of the query is asked by the index that leads to it: its first tag, else its categories, else
// the positions beyond `after`; types and further tags are judged by the server, members of metadata here.
// An item with types or members only walks over all events beyond `after`, so it is cheap near the head
// only. So may be any other, whose index the server can think worse than that walk.
#pragma once

#include <optional>
#include <stop_token>

#include "store/event_store.h"
#include "store/postgres/schema.h"
#include "store/postgres/session.h"

namespace penstock::store::postgres {

class MatchFinder {
 public:
  explicit MatchFinder(const Schema& schema);

  // A position beyond `after` whose event matches one of the items, the first of that item; nullopt
  // when there is none. In the caller's transaction, if there is one.
  Result<std::optional<Position>> find(Session& session, const EventQuery& query, Position after, Deadline deadline,
                                       const std::stop_token& stop) const;

 private:
  Result<std::optional<Position>> find_item(Session& session, const QueryItem& item, Position after, Deadline deadline,
                                            const std::stop_token& stop) const;
  Result<Rows> next_page(Session& session, const QueryItem& item, Position after, Deadline deadline,
                         const std::stop_token& stop) const;

  const Statement by_tag_, by_category_, by_position_;
};

}  // namespace penstock::store::postgres
