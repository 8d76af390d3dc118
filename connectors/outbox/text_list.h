// A list of texts in one column, as headers come where their names stand in one list and their values in
// another: an array of Postgres in its text form, `{trace,"a b",NULL}`, or a JSON array of strings and nulls,
// which SQLite and messages have. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::outbox {

using TextList = std::vector<std::optional<std::string>>;  // nullopt for NULL

// nullopt for what is no such list: also for a list of lists, and for one that holds anything but texts.
std::optional<TextList> parse_text_list(std::string_view text);

// A JSON object of both, in their order: a NULL value becomes null, and a name that comes twice stands twice.
// There are as many names as values, and no name is NULL.
void append_members(std::string& out, const TextList& names, const TextList& values);

}  // namespace penstock::outbox
