// An archive is proved on the way: whatever is missing, changed or foreign is named with its place.
#include "store/archive/archive_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "store/archive/line_writer.h"
#include "tests/support/temporary_folder.h"

namespace penstock::store::archive {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ArchiveReading : public testing::TestWithParam<Style> {
 protected:
  // An archive with so many events, a line each.
  std::vector<std::string> lines(int events) {
    std::vector<std::string> made = {line(Header{.program = "0.1.0", .identity = {"system", 1, 1}})};
    Sha256 digest;
    digest.add(made.front());
    EventId last;
    for (int i = 1; i <= events; ++i) {
      LogRow row;
      last = EventId::from_name(kNamespaceUrl, std::to_string(i));
      row.event = {.id = last, .stream = "order-7", .category = "order", .type = "placed", .data = "{}"};
      row.event.occurred_at = row.event.recorded_at = Timestamp();
      row.event.position = Position{i};
      row.event.version = Version{i - 1};
      made.push_back(line(row));
      digest.add(made.back());
    }
    made.push_back(line(CheckpointEntry{"r", Position{events}, last}));
    digest.add(made.back());
    made.push_back(line(End{static_cast<std::uint64_t>(events), Position{events}, last, to_hex(digest.value())}));
    return made;
  }

  std::string line(const Entry& entry) {
    std::string text;
    append_line(text, entry, GetParam());
    return text;
  }

  std::string write(const std::vector<std::string>& made) {
    std::ofstream file(path_, std::ios::binary);
    for (const std::string& text : made) file << text;
    return path_;
  }

  // "5 entries", or the error without the folder.
  std::string read(ArchiveReader::Cut cut = ArchiveReader::Cut::kRefused) {
    auto reader = ArchiveReader::open(path_, cut);
    if (!reader) return told(reader.error());
    for (int entries = 1;; ++entries) {
      EventBatchBuilder memory;
      const auto entry = reader->next(memory);
      if (!entry) return told(entry.error());
      if (!*entry) return std::to_string(entries) + " entries" + (reader->was_cut() ? ", cut" : "");
    }
  }

  std::string told(const Error& error) {
    std::string message(error.message());
    if (const auto at = message.find(path_); at != std::string::npos) message.replace(at, path_.size(), "F");
    return message + " [" + std::string(error.code().name) + "]";
  }

  tests::TemporaryFolder folder_;
  const std::string path_ = folder_.file("a.jsonl");
};

TEST_P(ArchiveReading, EndsWithTheProofOfAWholeFile) {
  write(lines(3));
  EXPECT_EQ(read(), "5 entries");
  write(lines(0));
  EXPECT_EQ(read(), "2 entries");
}

TEST_P(ArchiveReading, RefusesAFileThatWasCutBeforeAnythingIsDone) {
  auto made = lines(3);
  made.pop_back();
  write(made);
  EXPECT_EQ(read(), "F ends without its last line, which says what it holds [archive.cut]");
  made.back().resize(made.back().size() / 2);
  write(made);
  EXPECT_EQ(read(), "F ends without its last line, which says what it holds [archive.cut]");
}

TEST_P(ArchiveReading, TakesWhatIsThereOfAFileThatWasCutIfThatIsAccepted) {
  auto made = lines(3);
  made.pop_back();
  made.pop_back();
  write(made);
  EXPECT_EQ(read(ArchiveReader::Cut::kAccepted), "4 entries, cut");
  made.back().resize(made.back().size() - 2);
  write(made);
  EXPECT_EQ(read(ArchiveReader::Cut::kAccepted), "3 entries, cut");
}

TEST_P(ArchiveReading, RefusesWhatIsNoArchive) {
  write({"id;stream\n", "1;order-7\n"});
  EXPECT_EQ(read(), "F:1:1: this is no JSON object [archive.malformed]");
  write({""});
  EXPECT_EQ(read(), "F is empty [archive.cut]");
  auto made = lines(1);
  made.erase(made.begin());
  write(made);
  EXPECT_EQ(read(), "F:1:1: the file does not begin as an archive does [archive.malformed]");
}

TEST_P(ArchiveReading, NoticesALineThatWasChanged) {
  auto made = lines(3);
  made[2].replace(made[2].find("placed"), 6, "plaCed");
  write(made);
  EXPECT_EQ(read(), "F:6:1: the checksum is another one: a line before this one was changed [archive.malformed]");
}

TEST_P(ArchiveReading, NoticesALineThatIsMissingOrStandsTwice) {
  auto made = lines(3);
  made.erase(made.begin() + 2);
  write(made);
  EXPECT_EQ(read(), "F:3:1: position 3 stands where 2 belongs [archive.malformed]");
  made = lines(3);
  made.insert(made.begin() + 2, made[2]);
  write(made);
  EXPECT_EQ(read(), "F:4:1: position 2 stands where 3 belongs [archive.malformed]");
  made = lines(3);
  made.erase(made.begin() + 3);
  write(made);
  EXPECT_THAT(read(), HasSubstr("F:5:1: the last line says 3 events up to position 3, the file holds 2 up to 2"));
}

TEST_P(ArchiveReading, NamesTheColumnOfABrokenLine) {
  auto made = lines(3);
  made[2].insert(made[2].find(",\"stream\""), "x");
  const std::size_t column = made[2].find("x,\"stream\"") + 1;
  write(made);
  EXPECT_EQ(read(), "F:3:" + std::to_string(column) + ": a comma or a closing bracket is missing [archive.malformed]");
}

TEST_P(ArchiveReading, RefusesLinesOutOfTheirOrder) {
  auto made = lines(3);
  std::swap(made[3], made[4]);
  write(made);
  EXPECT_EQ(read(), "F:5:1: an event stands behind what follows the events [archive.malformed]");
  made = lines(3);
  made.insert(made.end() - 1, made.front());
  write(made);
  EXPECT_EQ(read(), "F:6:1: a second header [archive.malformed]");
  made = lines(3);
  const std::string end = made.back();
  made.push_back(end);
  write(made);
  EXPECT_EQ(read(), "F:7:1: something stands behind the last line [archive.malformed]");
}

TEST_P(ArchiveReading, ReadsLinesThatAreLongerThanWhatIsReadAtOnce) {
  auto made = lines(2);
  made[1].insert(made[1].find("{}"), std::string(3 << 20, ' '));
  made.pop_back();
  write(made);
  EXPECT_EQ(read(ArchiveReader::Cut::kAccepted), "4 entries, cut");
}

TEST_P(ArchiveReading, SaysWhyAFileCannotBeRead) { EXPECT_THAT(read(), StartsWith("F: No such file")); }

INSTANTIATE_TEST_SUITE_P(Styles, ArchiveReading, testing::Values(Style::kJsonLines, Style::kCloudEvents),
                         [](const auto& style) {
                           return style.param == Style::kJsonLines ? "JsonLines" : "CloudEvents";
                         });

}  // namespace
}  // namespace penstock::store::archive
