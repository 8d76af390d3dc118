#include "tests/contract/transfer/transfer_contract.h"

#include <fstream>
#include <ostream>

#include "core/random.h"
#include "store/archive/row_walk.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

using store::archive::ExportSettings, store::archive::ExportSummary;
using store::archive::ImportSettings, store::archive::ImportSummary;

const store::archive::OnProgress kSilent = [](const store::archive::Progress&) {};

}  // namespace

void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.name; }
std::string pair_name(const testing::TestParamInfo<Pair>& parameter) { return parameter.param.name; }

void TransferContract::SetUp() {
  if (const std::string reason = GetParam().reason_missing(); !reason.empty()) {
    if (servers_are_mandatory()) FAIL() << reason;
    GTEST_SKIP() << reason;
  }
}

std::string TransferContract::try_to_append(End& end, const std::string& stream) {
  static const SystemClock kClock;
  static SystemRandom random;
  Event event{.id = make_event_id(kClock, random), .stream = stream, .category = default_category(stream)};
  event.type = "placed";
  event.data = "{}";
  store::AppendRequest request;
  request.events.push_back(make_event(event));
  return code_of(end.store->events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30))));
}

void TransferContract::append(End& end, const std::string& stream, const std::string& type) {
  static const SystemClock kClock;
  static SystemRandom random;
  Event event{.id = make_event_id(kClock, random), .stream = stream, .category = default_category(stream)};
  event.type = type;
  event.data = "{}";
  store::AppendRequest request;
  request.events.push_back(make_event(event));
  const auto done = end.store->events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30)));
  ASSERT_TRUE(done) << done.error().describe();
}

ExportSummary TransferContract::export_from(End& end, ExportSettings settings) {
  if (settings.path.empty()) settings.path = path();
  const SystemClock clock;
  auto done = export_store(*end.store, *end.transfer, settings, clock, kSilent);
  EXPECT_TRUE(done) << done.error().describe();
  return done ? *done : ExportSummary();
}

ImportSummary TransferContract::import_to(End& end, ImportSettings settings) {
  if (settings.path.empty()) settings.path = path();
  auto done = import_store(*end.store, *end.transfer, settings, kSilent);
  EXPECT_TRUE(done) << done.error().describe();
  return done ? *done : ImportSummary();
}

std::string TransferContract::import_error(End& end, ImportSettings settings) {
  if (settings.path.empty()) settings.path = path();
  const auto done = import_store(*end.store, *end.transfer, settings, kSilent);
  return done ? "ok" : std::string(done.error().code().name) + ": " + done.error().message();
}

std::string TransferContract::rows_of(End& end) {
  std::string lines;
  const auto head = end.store->log().head();
  EXPECT_TRUE(head) << head.error().describe();
  store::archive::RowWalk walk(end.store->log(), *end.transfer, Position{0}, head.value_or(Position{0}));
  for (;;) {
    const auto rows = walk.next();
    EXPECT_TRUE(rows) << rows.error().describe();
    if (!rows || rows->empty()) return lines;
    for (const store::LogRow& row : *rows) append_line(lines, row, store::archive::Style::kJsonLines);
  }
}

std::vector<std::string> TransferContract::lines_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace penstock::tests
