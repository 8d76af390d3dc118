// Every view of a decoded message lies inside the bytes that it was decoded from.
#pragma once

#include "connectors/wal/pgoutput.h"
#include "tests/fuzz/oracle.h"

namespace penstock::fuzz {

inline void demand_row_inside(const wal::Tuple& row, std::string_view bytes) {
  demand_inside(row.values(), bytes);
  wal::Tuple::Reader reader(row);
  for (std::size_t i = 0; i < row.columns(); ++i) demand_inside(reader.next().bytes, row.values());
}

inline void demand_views_inside(const wal::Message& message, std::string_view bytes) {
  if (const auto* relation = std::get_if<wal::RelationMessage>(&message.body)) {
    demand_inside(relation->schema, bytes);
    demand_inside(relation->name, bytes);
    for (const auto& column : relation->columns) demand_inside(column.name, bytes);
  }
  if (const auto* insert = std::get_if<wal::InsertMessage>(&message.body)) demand_row_inside(insert->row, bytes);
  if (const auto* removal = std::get_if<wal::DeleteMessage>(&message.body)) demand_row_inside(removal->old_row, bytes);
  if (const auto* update = std::get_if<wal::UpdateMessage>(&message.body)) {
    demand_row_inside(update->old_row, bytes);
    demand_row_inside(update->row, bytes);
  }
  if (const auto* logical = std::get_if<wal::LogicalMessage>(&message.body)) {
    demand_inside(logical->prefix, bytes);
    demand_inside(logical->content, bytes);
  }
}

}  // namespace penstock::fuzz
