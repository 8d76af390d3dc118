#include "connectors/wal/membership.h"

#include <algorithm>
#include <array>

namespace penstock::wal {
namespace {

constexpr std::string_view kPublished = "; published ";
constexpr std::string_view kLetters = "tsa";

std::string_view take_until(std::string_view& text, char end) {
  const auto at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

std::string to_string(const std::vector<Membership::Entry>& entries) {
  std::string text;
  for (const Membership::Entry& entry : entries) {
    if (!text.empty()) text += ',';
    text.append(1, static_cast<char>(entry.of)).append(entry.number);
  }
  return text.empty() ? "-" : text;
}

std::optional<PublishedAt> parse_published(std::string_view text) {
  std::array<std::string_view, 5> words;
  for (std::string_view& word : words) {
    word = take_until(text, ' ');
    if (word.empty()) return std::nullopt;
  }
  const auto at = parse_lsn(words[0]);
  if (!at || !text.empty()) return std::nullopt;
  return PublishedAt{*at,
                     {std::string(words[1]), parse_entries(words[2]), std::string(words[3]), std::string(words[4])}};
}

// A look that was kept by an earlier version says nothing of the name.
bool is_same_table(const Membership& before, const Membership& now) {
  if (before.table.find('/') != std::string::npos) return now.table == before.table;
  const auto name = now.table.find('/');
  if (name == std::string::npos) return now.table == before.table;
  std::string without_name = now.table;
  return without_name.erase(name, std::min(now.table.find('.'), now.table.size()) - name) == before.table;
}

bool keeps_published(const Membership::Entry& entry, const Membership& before, const Membership& now) {
  const bool is_old = std::ranges::find(before.entries, entry) != before.entries.end();
  const bool is_made_anew = oid_of_table(now) != oid_of_table(before);
  switch (entry.of) {
    case Membership::Entry::Of::kAllTables: return is_old;
    // A table that came into the schema was published from then on; one that went and came back was not.
    case Membership::Entry::Of::kSchema: return is_old && (is_made_anew || now.since == before.since);
    case Membership::Entry::Of::kTable:
      return is_made_anew ? entry.number.ends_with("." + now.since) : is_old && is_same_table(before, now);
  }
  return false;
}

}  // namespace

bool stays_published(const Membership& before, const Membership& now) {
  if (now.publication != before.publication) return false;
  return std::ranges::any_of(now.entries, [&](const auto& entry) { return keeps_published(entry, before, now); });
}

bool hangs_on_succession(const Membership& before, const Membership& now) {
  if (oid_of_table(now) == oid_of_table(before)) return false;
  return std::ranges::none_of(now.entries, [&](const auto& entry) {
    return entry.of != Membership::Entry::Of::kTable && keeps_published(entry, before, now);
  });
}

std::string oid_of_table(const Membership& membership) {
  return membership.table.substr(0, membership.table.find_first_of("/."));
}

std::vector<Membership::Entry> parse_entries(std::string_view text) {
  std::vector<Membership::Entry> entries;
  while (!text.empty()) {
    const std::string_view entry = take_until(text, ',');
    if (entry.empty() || kLetters.find(entry.front()) == std::string_view::npos) continue;
    entries.push_back({static_cast<Membership::Entry::Of>(entry.front()), std::string(entry.substr(1))});
  }
  return entries;
}

std::string to_string(const OwnPosition& position) {
  std::string text = to_string(position.progress);
  if (!position.published) return text;
  const Membership& membership = position.published->membership;
  text.append(kPublished).append(to_string(position.published->at));
  for (const std::string& word :
       {membership.publication, to_string(membership.entries), membership.table, membership.since})
    text.append(" ").append(word);
  return text;
}

std::optional<OwnPosition> parse_own_position(std::string_view text) {
  const auto end = text.find(kPublished);
  const auto progress = parse_progress(text.substr(0, end));
  if (!progress) return std::nullopt;
  OwnPosition position{*progress, std::nullopt};
  if (end == std::string_view::npos) return position;
  position.published = parse_published(text.substr(end + kPublished.size()));
  if (!position.published) return std::nullopt;
  return position;
}

}  // namespace penstock::wal
