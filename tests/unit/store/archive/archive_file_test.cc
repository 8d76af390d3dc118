#include "store/archive/archive_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/temporary_folder.h"

namespace penstock::store::archive {
namespace {

using Existing = ArchiveFile::Existing;

class ArchiveFiles : public testing::Test {
 protected:
  std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static std::string code_of(const Result<ArchiveFile>& file) {
    return file ? "ok" : std::string(file.error().code().name);
  }

  tests::TemporaryFolder folder_;
  const std::string path_ = folder_.file("a.jsonl"), partial_ = ArchiveFile::partial_path(path_);
};

TEST_F(ArchiveFiles, HaveTheirNameOnlyWhenTheyAreWhole) {
  auto file = ArchiveFile::create(path_, Existing::kRefused);
  ASSERT_TRUE(file) << file.error().describe();
  ASSERT_TRUE(file->write("abc"));
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(file->finish());
  EXPECT_EQ(content(path_), "abc");
  EXPECT_FALSE(std::filesystem::exists(partial_));
}

TEST_F(ArchiveFiles, AreNotReplacedUnlessThatIsAskedFor) {
  std::ofstream(path_) << "old";
  EXPECT_EQ(code_of(ArchiveFile::create(path_, Existing::kRefused)), "archive.exists");
  {
    auto file = ArchiveFile::create(path_, Existing::kReplaced);
    ASSERT_TRUE(file) << file.error().describe();
    ASSERT_TRUE(file->write("new"));
    EXPECT_EQ(content(path_), "old");
    ASSERT_TRUE(file->finish());
  }
  EXPECT_EQ(content(path_), "new");
}

TEST_F(ArchiveFiles, GoOnBehindWhatIsKept) {
  std::ofstream(partial_) << "abcdef";
  EXPECT_EQ(code_of(ArchiveFile::create(path_, Existing::kRefused)), "archive.unfinished");
  {
    auto file = ArchiveFile::resume(path_, 3, Existing::kRefused);
    ASSERT_TRUE(file) << file.error().describe();
    ASSERT_TRUE(file->write("X"));
    ASSERT_TRUE(file->finish());
  }
  EXPECT_EQ(content(path_), "abcX");
}

TEST_F(ArchiveFiles, HaveOneWriter) {
  auto first = ArchiveFile::create(path_, Existing::kRefused);
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(code_of(ArchiveFile::resume(path_, 0, Existing::kRefused)), "archive.unfinished");
}

TEST_F(ArchiveFiles, SayWhyTheyCannotBeMade) {
  EXPECT_EQ(code_of(ArchiveFile::create(folder_.file("no/where"), Existing::kRefused)), "archive.unreadable");
  EXPECT_EQ(code_of(ArchiveFile::resume(path_, 0, Existing::kRefused)), "archive.unreadable");
}

}  // namespace
}  // namespace penstock::store::archive
