#include "store/postgres/log_query.h"

#include <algorithm>

#include "store/postgres/event_rows.h"

namespace penstock::store::postgres {
namespace {

static_assert(kHighestColumn == index_of(EventColumn::kCount));

std::vector<std::string> each_once(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

bool is_of_categories_only(const LogFilter& filter) {
  return !filter.categories.empty() && filter.types.empty() && filter.stream_prefix.empty() && filter.tags.empty() &&
         filter.metadata.empty();
}

// Conditions over events e, and the parameters that they name, from $4 on.
class Conditions {
 public:
  Conditions(const LogFilter& filter, Direction direction)
      : filter_(filter), order_(direction == Direction::kForward ? "" : " DESC") {}

  void write(Parameters& parameters) {
    if (is_of_categories_only(filter_)) return write_categories(parameters);
    if (!filter_.categories.empty()) {
      parameters.texts(filter_.categories);
      add('c', "e.category = ANY (" + next() + ")");
    }
    if (!filter_.types.empty()) {
      parameters.texts(filter_.types);
      add('t', "e.type = ANY (" + next() + ")");
    }
    if (!filter_.stream_prefix.empty()) {
      parameters.text(filter_.stream_prefix);
      add('s', "starts_with(e.stream, " + next() + ")");
    }
    if (!filter_.tags.empty()) write_tags(parameters);
    if (!filter_.metadata.empty()) write_metadata(parameters);
  }

  const std::string& sql() const { return sql_; }
  const std::string& from() const { return from_; }
  const std::string& shape() const { return shape_; }

 private:
  // The index over categories leads, page by page of each; there is nothing else to be judged.
  void write_categories(Parameters& parameters) {
    parameters.texts(each_once(filter_.categories));
    const bool forward = order_.empty();
    from_ = "unnest(" + next() + ") c(name) CROSS JOIN LATERAL (SELECT e.* FROM @schema@.events e WHERE " +
            (forward ? positions_of_category("$1", "b.stop") : positions_of_category("b.stop - 1", "$1 - 1")) +
            " ORDER BY e.category" + order_ + ", e.position" + order_ + " LIMIT $2) e";
    add('c', "true");
  }

  // The first tag leads: its rows are walked in the order of their positions.
  void write_tags(Parameters& parameters) {
    for (const std::string& tag : filter_.tags) parameters.text(tag);
    from_ = "(SELECT t.position AS tagged FROM @schema@.tags t WHERE t.tag = " + next() +
            " AND t.position BETWEEN least($1, b.stop) AND greatest($1, b.stop) ORDER BY t.position" + order_ +
            " OFFSET 0) l JOIN @schema@.events e ON e.position = l.tagged";
    add('g', "true");
    for (std::size_t i = 1; i < filter_.tags.size(); ++i)
      add('g', "EXISTS (SELECT FROM @schema@.tags t WHERE t.tag = " + next() + " AND t.position = e.position)");
  }

  // Metadata with an escaped NUL is kept as text but can't be taken apart by Postgres.
  void write_metadata(Parameters& parameters) {
    std::vector<std::string_view> names, texts;
    for (const MetadataMember& member : filter_.metadata) {
      names.push_back(member.name);
      texts.push_back(member.text);
    }
    parameters.texts(names).texts(texts);
    const std::string named = next(), having = next();
    add('m', "CASE WHEN strpos(e.metadata::text, '\\u0000') > 0 THEN true ELSE NOT EXISTS (SELECT FROM unnest(" +
                 named + ", " + having +
                 ") w(name, value) WHERE (e.metadata ->> w.name) IS DISTINCT FROM w.value) END");
  }

  std::string next() { return "$" + std::to_string(++last_parameter_); }
  void add(char letter, const std::string& condition) {
    shape_ += letter;
    sql_ += (sql_.empty() ? "" : " AND ") + condition;
  }

  const LogFilter& filter_;
  const std::string order_;
  int last_parameter_ = 3;
  std::string sql_, shape_, from_ = "@schema@.events e";
};

}  // namespace

LogQuery make_log_query(const Schema& schema, Position start, Direction direction, const ReadLimit& limit) {
  const bool forward = direction == Direction::kForward;
  LogQuery query;
  query.parameters.int8(start.value).int8(clamp_count(limit.events)).int8(clamp_count(limit.bytes));
  query.statement = {forward ? "log_forward" : "log_backward",
                     schema.expand(PageSql{std::string("e.position ") + (forward ? ">" : "<") + " $1" +
                                               " AND e.position > (SELECT h.floor FROM @schema@.head h WHERE h.id = 1)",
                                           forward ? "position" : "position DESC", "$2", "$3"}
                                       .sql())};
  return query;
}

// The end of the stretch comes from the head as the same snapshot sees it, so nothing is passed that was
// not there to be looked at.
LogQuery make_filtered_query(const Schema& schema, Position start, Direction direction, const ReadLimit& limit,
                             const LogFilter& filter) {
  const bool forward = direction == Direction::kForward;
  LogQuery query;
  query.parameters.int8(start.value).int8(clamp_count(limit.events)).int8(clamp_count(limit.bytes));
  Conditions conditions(filter, direction);
  conditions.write(query.parameters);
  const std::string stretch = std::to_string(kStretch);
  std::string end = forward ? "least(h.position, $1 + " + stretch + ")"
                            : "greatest(least($1, h.position + 1) - " + stretch + ", h.floor + 1)";
  if (is_of_categories_only(filter)) end = forward ? "h.position" : "h.floor + 1";
  const std::string range =
      forward ? "e.position > $1 AND e.position <= b.stop AND " : "e.position < $1 AND e.position >= b.stop AND ";
  const PageSql page{range + conditions.sql(), forward ? "position" : "position DESC", "$2", "$3", conditions.from(),
                     PageSql::Extent::kShown};
  query.statement = {(forward ? "log_forward_" : "log_backward_") + conditions.shape(),
                     schema.expand("SELECT p.*, b.stop, b.floor FROM (SELECT " + end +
                                   " AS stop, h.floor FROM @schema@.head h WHERE h.id = 1) b LEFT JOIN LATERAL (" +
                                   page.sql() + ") p ON true ORDER BY p.position" + (forward ? "" : " DESC"))};
  return query;
}

}  // namespace penstock::store::postgres
