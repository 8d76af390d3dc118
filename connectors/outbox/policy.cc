#include "connectors/outbox/policy.h"

#include <algorithm>

#include "connectors/outbox/table_name.h"
#include "core/overloaded.h"

namespace penstock::outbox {
namespace {

using connectors::Section;
using connectors::SectionError;

std::string quoted(std::string_view word) { return "\"" + std::string(word) + "\""; }

// Collects what is wrong with the keys of a policy, each at its place.
class PolicyCheck {
 public:
  PolicyCheck(const Section& section, const Profile& profile, std::optional<Backend> backend,
              std::vector<SectionError>& errors)
      : section_(section),
        profile_(profile),
        backend_(backend),
        policy_(policy_word(section, profile)),
        errors_(errors) {}

  void run() {
    only_with("mark", "mark");
    for (const std::string_view key : {"guard", "xid_column"}) only_with(key, "cursor");
    if (policy_ == "mark") check_mark();
    if (policy_ == "cursor") check_cursor();
    if (policy_ == "track") check_track();
  }

 private:
  void complain(std::string_view key, std::string message) {
    errors_.push_back({section_.place(key), std::move(message)});
  }

  void only_with(std::string_view key, std::string_view policy) {
    if (section_.has(key) && policy_ != policy)
      complain(key, "`" + std::string(key) + "` belongs to policy = " + quoted(policy) + ", and the policy is " +
                        quoted(policy_));
  }

  void check_mark() {
    if (!section_.has("mark") && !profile_.mark_column.empty()) return;
    const auto& mark = section_.text_table("mark");
    for (const auto& [member, text] : mark)
      if (member != "column" && member != "value")
        complain("mark." + member, "`" + member + "` is no member of mark: expected column and value");
    const auto column = mark.find("column");
    if (column == mark.end())
      complain("mark",
               "policy \"mark\" needs the column that says that a row is settled: mark = { column = "
               "\"published\", value = \"1\" }, or without a value for a column that is given the time");
    else if (!is_identifier(column->second))
      complain("mark.column", "`" + column->second + "` is no column name");
    else
      check_unmapped(column->second);
  }

  void check_cursor() {
    const std::string& guard = section_.text("guard");
    const std::string& column = section_.text("xid_column");
    if (backend_ == Backend::kSqlite) {
      for (const std::string_view key : {"guard", "xid_column"})
        if (section_.has(key))
          complain(key, "a SQLite file has one writer at a time and needs no guard: remove `" + std::string(key) + "`");
    } else if (guard == "xid" && column.empty()) {
      complain("guard",
               "guard \"xid\" needs `xid_column`, which holds the writer's transaction: ALTER TABLE … ADD COLUMN "
               "xid xid8 NOT NULL DEFAULT pg_current_xact_id();");
    } else if (guard != "xid" && section_.has("xid_column")) {
      complain("xid_column", "`xid_column` belongs to guard = \"xid\"");
    } else if (!column.empty() && !is_identifier(column)) {
      complain("xid_column", quoted(column) + " is no column name");
    }
  }

  void check_track() {
    if (section_.columns("columns").contains("id")) return;  // checked with the columns
    const auto id = std::ranges::find(profile_.columns, Role::kId, &ProfileColumn::role);
    if (id != profile_.columns.end() && !id->pointer.empty())
      complain("policy", "policy \"track\" remembers ids, which must be a column, and in profile " +
                             quoted(profile_.name) + " they lie inside of `" + std::string(id->column) +
                             "`: use policy \"cursor\"");
  }

  // A duplicate must carry the same bytes, and this column changes in between.
  void check_unmapped(const std::string& column) {
    if (column == section_.text("order_by"))
      complain("mark.column", "rows are ordered by `" + column + "`: it can't be their mark, too");
    for (const auto& [role, mapped] : section_.columns("columns"))
      if (mapped.is == connectors::ColumnOrConstant::Is::kColumn && mapped.text == column)
        complain("columns." + role, "`" + column + "` is the mark of a settled row, and can be nothing of an event");
  }

  const Section& section_;
  const Profile& profile_;
  const std::optional<Backend> backend_;
  const std::string policy_;
  std::vector<SectionError>& errors_;
};

}  // namespace

std::string_view to_string(const Policy& policy) {
  return std::visit(Overloaded{[](const DeleteRows&) { return "delete"; }, [](const MarkRows&) { return "mark"; },
                               [](const KeepRows&) { return "cursor"; }, [](const TrackRows&) { return "track"; }},
                    policy);
}

const std::string* settled_column(const Policy& policy) {
  const auto* mark = std::get_if<MarkRows>(&policy);
  return mark == nullptr ? nullptr : &mark->column;
}

const std::string* xid_column(const Policy& policy) {
  const auto* keep = std::get_if<KeepRows>(&policy);
  return keep != nullptr && keep->guard == KeepRows::Guard::kXid ? &keep->xid_column : nullptr;
}

bool looks_at_sequence(const Policy& policy) {
  const auto* kept = std::get_if<KeepRows>(&policy);
  return kept != nullptr && kept->guard == KeepRows::Guard::kWriters;
}

std::string_view policy_word(const Section& section, const Profile& profile) {
  const std::string& word = section.text("policy");
  return word.empty() ? profile.policy : std::string_view(word);
}

void check_policy(const Section& section, const Profile& profile, std::optional<Backend> backend,
                  std::vector<SectionError>& errors) {
  PolicyCheck(section, profile, backend, errors).run();
}

Policy read_policy(const Section& section, const Profile& profile, Backend backend) {
  const std::string_view word = policy_word(section, profile);
  if (word == "cursor") {
    if (backend == Backend::kSqlite) return KeepRows{KeepRows::Guard::kOneWriter, {}};
    if (section.text("guard") == "xid") return KeepRows{KeepRows::Guard::kXid, section.text("xid_column")};
    return KeepRows{};
  }
  if (word == "track") return TrackRows{};
  if (word != "mark") return DeleteRows{};
  MarkRows rows;
  if (section.has("mark")) {
    const auto& mark = section.text_table("mark");
    rows.column = mark.at("column");
    if (const auto value = mark.find("value"); value != mark.end()) rows.value = value->second;
  } else {
    rows.column = profile.mark_column;
    if (!profile.mark_value.empty()) rows.value = profile.mark_value;
  }
  return rows;
}

}  // namespace penstock::outbox
