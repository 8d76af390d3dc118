#include "connectors/outbox/postgres_parameters.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/postgres_statements.h"

namespace penstock::outbox {

using store::postgres::Parameters;
using store::postgres::SqlType;

Parameters scan_parameters(const ScanPlan& plan, const FetchBounds& bounds, const LargeRows& left_out) {
  const auto add_bounds = [&bounds](Parameters& to) {
    to.int8(static_cast<std::int64_t>(bounds.rows)).int8(static_cast<std::int64_t>(bounds.column_bytes));
  };
  Parameters parameters;
  if (plan.behind) {
    parameters.text(std::to_string(plan.behind->xid)).int8(plan.behind->number);
    add_bounds(parameters);
    return parameters;
  }
  std::vector<std::int64_t> firsts, lasts, numbers, hashes;
  for (const NumberRange& range : plan.ranges) {
    firsts.push_back(range.first);
    lasts.push_back(range.last);
  }
  for (const std::int64_t number : plan.kept)
    if (const auto row = left_out.find(number); row != left_out.end()) {
      numbers.push_back(number);
      hashes.push_back(row->second);
    }
  parameters.int8s(firsts).int8s(lasts).int8s(plan.in_flight);
  add_bounds(parameters);
  parameters.int8s(numbers).int8s(hashes).int8(static_cast<std::int64_t>(plan.kept.size()));
  return parameters;
}

Parameters settle_parameters(std::span<const RowKey> rows, const PostgresColumn& id) {
  std::vector<std::int64_t> numbers;
  std::vector<std::optional<std::string_view>> ids;
  std::vector<std::string> made;  // texts of ids that are no text
  numbers.reserve(rows.size());
  ids.reserve(rows.size());
  made.reserve(rows.size());
  for (const RowKey& row : rows) {
    numbers.push_back(row.number);
    std::string scratch;
    const bool as_it_is = row.id.is != Cell::Is::kInteger && row.id.is != Cell::Is::kTime;
    if (row.id.is == Cell::Is::kNull)
      ids.emplace_back();
    else if (as_it_is)
      ids.emplace_back(row.id.bytes);
    else
      ids.emplace_back(made.emplace_back(*text_of(row.id, scratch)));
  }
  Parameters parameters;
  parameters.int8s(numbers);
  switch (settled_id_type(id)) {
    case SettledIdType::kUuid: parameters.array(SqlType::kUuidArray, SqlType::kUuid, ids); break;
    case SettledIdType::kBytes: parameters.array(SqlType::kByteaArray, SqlType::kBytea, ids); break;
    case SettledIdType::kText: parameters.array(SqlType::kTextArray, SqlType::kText, ids); break;
  }
  return parameters;
}

}  // namespace penstock::outbox
