#include "core/section.h"

#include "core/invariant.h"

namespace penstock {
namespace {

// An absent key reads as an empty value that lives for ever.
template <typename T>
const T& empty_value() {
  static const T empty{};
  return empty;
}

}  // namespace

void Section::set(std::string name, Value value, Place place) {
  entries_.insert_or_assign(std::move(name), Entry{std::move(value), std::move(place), Entry::From::kOperator});
}

void Section::set_default(std::string name, Value value) {
  entries_.try_emplace(std::move(name), Entry{std::move(value), {}, Entry::From::kDefault});
}

bool Section::has(std::string_view name) const {
  const auto entry = entries_.find(name);
  return entry != entries_.end() && entry->second.from == Entry::From::kOperator;
}

template <typename T>
const T* Section::find(std::string_view name) const {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return nullptr;
  const T* value = std::get_if<T>(&entry->second.value);
  INVARIANT(value != nullptr, "a connector reads a key by its declared type");
  return value;
}

const std::string& Section::text(std::string_view name) const {
  const auto* value = find<std::string>(name);
  return value ? *value : empty_value<std::string>();
}

const Secret& Section::secret(std::string_view name) const {
  const auto* value = find<Secret>(name);
  return value ? *value : empty_value<Secret>();
}

std::optional<std::int64_t> Section::integer(std::string_view name) const {
  const auto* value = find<std::int64_t>(name);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<bool> Section::boolean(std::string_view name) const {
  const auto* value = find<bool>(name);
  return value ? std::optional(*value) : std::nullopt;
}

const std::vector<std::string>& Section::text_list(std::string_view name) const {
  const auto* value = find<std::vector<std::string>>(name);
  return value ? *value : empty_value<std::vector<std::string>>();
}

const std::map<std::string, std::string>& Section::text_table(std::string_view name) const {
  const auto* value = find<std::map<std::string, std::string>>(name);
  return value ? *value : empty_value<std::map<std::string, std::string>>();
}

const std::map<std::string, ColumnOrConstant>& Section::columns(std::string_view name) const {
  const auto* value = find<std::map<std::string, ColumnOrConstant>>(name);
  return value ? *value : empty_value<std::map<std::string, ColumnOrConstant>>();
}

void Section::set_member_place(std::string member, Place place) {
  member_places_[std::move(member)] = std::move(place);
}

const Place& Section::place(std::string_view name) const {
  if (const auto member = member_places_.find(name); member != member_places_.end()) return member->second;
  const auto entry = entries_.find(name);
  return has(name) ? entry->second.place : header_place_;
}

}  // namespace penstock
