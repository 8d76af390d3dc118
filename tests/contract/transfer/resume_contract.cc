// An export that goes on with what another one has left writes what it would have written from the beginning.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/contract/transfer/transfer_contract.h"

namespace penstock::tests {
namespace {

using store::archive::ExportSettings;
using store::archive::Style;
using testing::HasSubstr;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST_P(MoveContract, ExportsTheSameAfterAnyCut) {
  for (int i = 0; i < 20; ++i) append(from(), "order-" + std::to_string(i % 3));
  const auto whole = export_from(from());
  const std::string bytes = text_of(path());
  const std::size_t header = bytes.find('\n') + 1;
  for (std::size_t cut = header; cut < bytes.size(); cut += 97) {
    SCOPED_TRACE(cut);
    const std::string again = path("again" + std::to_string(cut));
    std::ofstream(again + ".partial", std::ios::binary) << bytes.substr(0, cut);
    const auto resumed = export_from(from(), {.path = again, .begin = ExportSettings::Begin::kResumed});
    EXPECT_EQ(resumed.sha256, whole.sha256);
    ASSERT_EQ(text_of(again), bytes);
  }
}

TEST_P(MoveContract, WritesAnewWhatADiskHasChanged) {
  for (int i = 0; i < 20; ++i) append(from(), "order-" + std::to_string(i % 3));
  const auto whole = export_from(from());
  const std::string bytes = text_of(path());
  for (const std::string_view damage : {"placed", "\"version\"", "recorded_at\":\"2", "\n{\"position\""}) {
    SCOPED_TRACE(damage);
    std::string changed = bytes;
    char& byte = changed[bytes.find(damage, bytes.size() / 2) + damage.size() - 1];
    byte = static_cast<char>(byte ^ 1);
    std::ofstream(path("b.jsonl.partial"), std::ios::binary) << changed;
    const auto resumed = export_from(from(), {.path = path("b.jsonl"), .begin = ExportSettings::Begin::kResumed});
    EXPECT_GT(resumed.resumed_rows, 5U);
    EXPECT_LT(resumed.resumed_rows, whole.rows);
    EXPECT_EQ(resumed.sha256, whole.sha256);
    EXPECT_EQ(text_of(path("b.jsonl")), bytes);
    std::filesystem::remove(path("b.jsonl"));
  }
}

TEST_P(MoveContract, WritesAnewWhatWasScavengedSince) {
  for (int i = 0; i < 6; ++i) append(from(), "order-" + std::to_string(i % 2));
  export_from(from());
  std::filesystem::rename(path(), path("b.jsonl.partial"));
  ASSERT_TRUE(from().store->retention().truncate("order-1", Version{2}));
  EXPECT_EQ(from().store->retention().scavenge(100)->events, 2U);
  from().store = from().database->open();  // without them in its memory
  const auto resumed = export_from(from(), {.path = path("b.jsonl"), .begin = ExportSettings::Begin::kResumed});
  EXPECT_EQ(resumed.resumed_rows, 1U);
  export_from(from());
  std::vector<std::string> again = lines_of(path("b.jsonl")), anew = lines_of(path());
  for (auto* lines : {&again, &anew}) *lines = std::vector(lines->begin() + 1, lines->end() - 1);
  EXPECT_EQ(again, anew);
}

TEST_P(MoveContract, GoesOnInTheFormatOfTheFile) {
  append(from(), "order-1");
  export_from(from(), {.style = Style::kCloudEvents});
  const std::string bytes = text_of(path());
  std::ofstream(path("b.jsonl.partial"), std::ios::binary) << bytes;
  ExportSettings resumed{.path = path("b.jsonl"), .style = Style::kJsonLines, .begin = ExportSettings::Begin::kResumed};
  const auto refused =
      store::archive::export_store(*from().store, *from().transfer, resumed, SystemClock(), [](const auto&) {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().describe(), HasSubstr("is written as cloudevents, not as jsonl"));
  EXPECT_EQ(text_of(path("b.jsonl.partial")), bytes);
  resumed.style = std::nullopt;
  export_from(from(), resumed);
  EXPECT_EQ(text_of(path("b.jsonl")), bytes);
}

TEST_P(MoveContract, DoesNotResumeTheArchiveOfAnotherStore) {
  append(from(), "order-1");
  append(to(), "order-1");
  export_from(from());
  std::filesystem::rename(path(), path("b.jsonl.partial"));
  const SystemClock clock;
  const auto refused = store::archive::export_store(*to().store, *to().transfer,
                                                    {.path = path("b.jsonl"), .begin = ExportSettings::Begin::kResumed},
                                                    clock, [](const auto&) {});
  EXPECT_EQ(code_of(refused), "store.other_events");
  EXPECT_TRUE(std::filesystem::exists(path("b.jsonl.partial")));
}

}  // namespace
}  // namespace penstock::tests
