#include "tests/e2e/failover_bed.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "tests/support/eventually.h"
#include "tests/support/other_program.h"

namespace penstock::tests {
namespace {

constexpr std::chrono::seconds kPatience{40};

constexpr const char* kTable = R"(
CREATE SCHEMA shop;
CREATE TABLE shop.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL DEFAULT gen_random_uuid(),
  aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL, payload jsonb))";

constexpr const char* kConfig = R"([store]
url = "{store}"

[[source]]
name     = "orders"
kind     = "outbox"
url      = "{outbox}"
table    = "shop.outbox"
profile  = "debezium"
order_by = "seq"

[[sink]]
name = "out"
kind = "console"

[[route]]
name = "orders-in"
from = "orders"
to   = "store"
on_lost_tail = "{on_lost_tail}"

[[route]]
name = "to-out"
from = "store"
to   = "out"
on_lost_tail = "{on_lost_tail}"
)";

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> found;
  for (std::string word; words >> word;) found.push_back(word);
  return found;
}

std::string code_in(const nlohmann::json& route) {
  return route["last_error"].is_null() ? "" : route["last_error"]["code"].get<std::string>();
}

}  // namespace

FailoverBed::FailoverBed(const std::string& on_lost_tail) {
  outbox_.execute(kTable);
  std::ofstream(folder_.file("penstock.toml"))
      << fmt::format(kConfig, fmt::arg("store", servers_.url()), fmt::arg("outbox", outbox_.url()),
                     fmt::arg("on_lost_tail", on_lost_tail));
}

std::unique_ptr<cli::RelayProcess> FailoverBed::launch() const {
  auto relay = std::make_unique<cli::RelayProcess>(
      cli::RelayCommand{PENSTOCK_PROGRAM, folder_.file("penstock.toml"), folder_.file("relay.log")});
  if (const Status started = relay->start(); !started) throw std::runtime_error(started.error().describe());
  return relay;
}

void FailoverBed::start() { relay_ = launch(); }

std::unique_ptr<cli::RelayProcess> FailoverBed::start_other() { return launch(); }

void FailoverBed::stop() {
  const auto ended = relay_->terminate(Deadline::in(std::chrono::seconds(20)));
  if (!ended || ended->by != cli::ProcessEnd::By::kExit || ended->number != 0)
    throw std::runtime_error("the relay did not end orderly:\n" + log_text());
}

std::vector<std::string> FailoverBed::insert(int rows) {
  return words_of(outbox_.value(
      fmt::format("WITH written AS (INSERT INTO shop.outbox (aggregatetype, aggregateid, type, payload)"
                  " SELECT 'order', n % 3, 'placed', '{{}}' FROM generate_series(1, {}) n RETURNING seq, id)"
                  " SELECT string_agg(id::text, ' ' ORDER BY seq) FROM written",
                  rows)));
}

std::vector<FailoverBed::Arrival> FailoverBed::arrivals() const {
  std::vector<Arrival> found;
  std::istringstream lines(log_text());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("{\"position\"")) continue;
    const auto event = nlohmann::json::parse(line, nullptr, false);
    if (event.is_discarded()) continue;  // not printed to its end yet
    found.push_back({std::stoll(event["position"].get<std::string>()), event["id"].get<std::string>()});
  }
  return found;
}

std::set<std::string> FailoverBed::arrived_ids() const {
  std::set<std::string> ids;
  for (const Arrival& arrival : arrivals()) ids.insert(arrival.id);
  return ids;
}

void FailoverBed::await(const std::vector<std::string>& ids) const {
  const bool there = eventually(
      [&] {
        const std::set<std::string> arrived = arrived_ids();
        return std::all_of(ids.begin(), ids.end(), [&](const std::string& id) { return arrived.contains(id); });
      },
      Deadline::in(kPatience));
  if (!there) throw std::runtime_error("events did not arrive:\n" + log_text());
}

void FailoverBed::await_state(const std::string& route, const std::string& phase, const std::string& code) const {
  std::string shown;
  const bool there = eventually(
      [&] {
        shown = penstock({"status", "-o", "json"});
        const auto status = nlohmann::json::parse(shown);
        for (const auto& state : status["routes"])
          if (state["name"] == route) return state["phase"] == phase && code_in(state) == code;
        return false;
      },
      Deadline::in(kPatience));
  if (!there) throw std::runtime_error(route + " is not " + phase + ": " + shown + "\n" + log_text());
}

std::string FailoverBed::penstock(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), PENSTOCK_PROGRAM);
  arguments.insert(arguments.end(), {"-c", folder_.file("penstock.toml")});
  OtherProgram program(std::move(arguments));
  std::string printed = program.all_output();
  if (program.wait() != 0) throw std::runtime_error("penstock failed: " + printed);
  return printed;
}

std::string FailoverBed::log_text() const {
  std::ostringstream text;
  text << std::ifstream(folder_.file("relay.log")).rdbuf();
  return text.str();
}

}  // namespace penstock::tests
