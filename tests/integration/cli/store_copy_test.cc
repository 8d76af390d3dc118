// penstock store export and import as a user calls them, also when they are killed in the middle.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/random.h"
#include "tests/integration/cli/program.h"

namespace penstock::tests {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class StoreCopy : public testing::Test {
 protected:
  StoreCopy() {
    folder_.write("penstock.toml", "[store]\nurl = \"sqlite:old.db\"\n");
    folder_.write("new.toml", "[store]\nurl = \"sqlite:new.db\"\n");
  }

  Ended call(std::vector<std::string> arguments, std::string_view input = {}) const {
    return folder_.call(arguments, input);
  }
  Ended exported(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"store", "export", "a.jsonl"});
    return call(more);
  }
  Ended imported(std::vector<std::string> more = {}, std::string_view input = {}) const {
    more.insert(more.begin(), {"store", "import", "-c", "new.toml"});
    return call(more, input);
  }
  std::string log_of(const std::string& configuration) const {
    return call({"read", "@all", "-o", "jsonl", "-c", configuration}).out;
  }
  void append_three() const {
    call({"append", "order-7", "--type", "placed"}, "{\n}");
    call({"append", "order-8", "--type", "placed", "--content-type", "text/plain"}, std::string("a\0b", 3));
    call({"append", "order-7", "--type", "paid", "--no-data"});
  }

  std::unique_ptr<store::Store> open(const std::string& database) const { return folder_.open_store(database); }
  // Many events at once, without the program.
  void append_many(int events, std::size_t bytes) const {
    const auto store = open("old.db");
    ASSERT_TRUE(store->migrate());
    const SystemClock clock;
    SystemRandom random;
    const std::string data(bytes, 'x');
    for (int done = 0; done < events;) {
      store::AppendRequest request;
      for (int i = 0; i < 500 && done < events; ++i, ++done) {
        Event event{.id = make_event_id(clock, random), .stream = "order-7", .category = "order"};
        event.type = "placed";
        event.data = data;
        request.events.push_back(make_event(event));
      }
      const auto answer = store->events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30)));
      ASSERT_TRUE(answer) << answer.error().describe();
    }
  }
  std::int64_t head_of(const std::string& database) const {
    if (!std::filesystem::exists(folder_.file(database))) return 0;
    const auto head = open(database)->log().head();
    return head ? head->value : 0;
  }
  std::string content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_.file(name), std::ios::binary).rdbuf();
    return text.str();
  }
  // Without the first line, which has the time of the export, and the last one, which has the checksum.
  std::string middle_of(const std::string& name) const {
    const std::string text = content(name);
    const std::size_t begin = text.find('\n') + 1, end = text.rfind('\n', text.size() - 2) + 1;
    return text.substr(begin, end - begin);
  }

  ProgramFolder folder_;
};

TEST_F(StoreCopy, MovesAStoreThroughAFile) {
  append_three();
  const Ended out = exported();
  EXPECT_EQ(out.exit_code, 0) << out.err;
  EXPECT_EQ(out.out, "3 events up to position 3 are in a.jsonl\n");
  const Ended in = imported({"a.jsonl"});
  EXPECT_EQ(in.exit_code, 0) << in.err;
  EXPECT_EQ(in.out, "3 events written, 0 were there and are the same, up to position 3\n");
  EXPECT_EQ(log_of("new.toml"), log_of("penstock.toml"));
  EXPECT_EQ(call({"append", "order-7", "--type", "more", "-c", "new.toml"}, "{}").exit_code, 0);
}

TEST_F(StoreCopy, MovesAStoreThroughAPipe) {
  append_three();
  for (const char* format : {"jsonl", "cloudevents"}) {
    std::filesystem::remove(folder_.file("new.db"));
    const Ended out = call({"store", "export", "-", "--format", format});
    EXPECT_EQ(out.exit_code, 0) << out.err;
    const Ended in = imported({"-", "-o", "json"}, out.out);
    EXPECT_EQ(in.exit_code, 0) << in.err;
    EXPECT_EQ(json::parse(in.out),
              json::parse(R"({"events":3,"verified_events":0,"others":0,"head":"3","whole":true})"));
    EXPECT_EQ(log_of("new.toml"), log_of("penstock.toml"));
  }
}

TEST_F(StoreCopy, PrintsWhatItDidAsJson) {
  append_three();
  const json out = json::parse(exported({"-o", "json"}).out);
  EXPECT_EQ(out.at("file"), "a.jsonl");
  EXPECT_EQ(out.at("events"), 3);
  EXPECT_EQ(out.at("head"), "3");
  EXPECT_THAT(content("a.jsonl"), HasSubstr(out.at("sha256").get<std::string>()));
}

TEST_F(StoreCopy, GoesOnWithAnImportThatWasKilled) {
  ASSERT_NO_FATAL_FAILURE(append_many(9'000, 100));
  ASSERT_EQ(exported().exit_code, 0);
  const std::string archive = content("a.jsonl");
  ASSERT_EQ(::mkfifo(folder_.file("fifo").c_str(), 0600), 0);
  // Open for reading too, so that neither end waits for the other.
  const int fifo = ::open(folder_.file("fifo").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(fifo, 0);
  {
    RunningProgram program(folder_, "import", {"store", "import", "fifo", "-c", "new.toml"});
    std::string_view left = std::string_view(archive).substr(0, archive.size() / 2);
    const bool has_begun = program.wait_until([&] {
      const ssize_t written = left.empty() ? 0 : ::write(fifo, left.data(), left.size());
      if (written > 0) left.remove_prefix(static_cast<std::size_t>(written));
      return head_of("new.db") >= 4'000;
    });
    EXPECT_TRUE(has_begun) << program.err();
    program.signal(SIGKILL);
    program.wait_for_end();
  }
  ::close(fifo);
  const std::int64_t head = head_of("new.db");
  EXPECT_LT(head, 9'000);

  const Ended closed = call({"append", "order-7", "--type", "t", "-c", "new.toml"}, "{}");
  EXPECT_EQ(closed.exit_code, 69);
  EXPECT_THAT(closed.err, HasSubstr("store.importing"));
  const json store = json::parse(call({"status", "-o", "json", "-c", "new.toml"}).out).at("store");
  EXPECT_EQ(store.at("phase"), "importing");
  EXPECT_EQ(store.at("last_error").at("code"), "store.importing");
  EXPECT_THAT(call({"status", "-c", "new.toml"}).out,
              HasSubstr("Run `penstock store import` with the same file again"));
  const Ended check = call({"store", "check", "-c", "new.toml"});
  EXPECT_EQ(check.exit_code, 0) << check.out;
  EXPECT_THAT(check.out, AllOf(HasSubstr("no import is unfinished"), HasSubstr("`penstock store import`")));
  const Ended again = imported({"a.jsonl", "-o", "json"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(json::parse(again.out).at("verified_events"), head);
  EXPECT_EQ(json::parse(again.out).at("events"), 9'000 - head);
  EXPECT_EQ(log_of("new.toml"), log_of("penstock.toml"));
  EXPECT_EQ(call({"append", "order-7", "--type", "t", "-c", "new.toml"}, "{}").exit_code, 0);
}

TEST_F(StoreCopy, GoesOnWithAnExportThatWasKilled) {
  ASSERT_NO_FATAL_FAILURE(append_many(20'000, 2'000));
  ASSERT_EQ(call({"store", "export", "whole.jsonl"}).exit_code, 0);
  {
    RunningProgram program(folder_, "export", {"store", "export", "a.jsonl"});
    const bool has_begun = program.wait_until([&] {
      std::error_code missing;
      return std::filesystem::file_size(folder_.file("a.jsonl.partial"), missing) > 2'000'000 && !missing;
    });
    EXPECT_TRUE(has_begun) << program.err();
    program.signal(SIGKILL);
    program.wait_for_end();
  }
  ASSERT_FALSE(std::filesystem::exists(folder_.file("a.jsonl")));
  const Ended refused = exported();
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("archive.unfinished"), HasSubstr("--resume")));
  const Ended again = exported({"--resume", "-o", "json"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_GT(json::parse(again.out).at("resumed_events"), 0);
  EXPECT_EQ(middle_of("a.jsonl"), middle_of("whole.jsonl"));
  EXPECT_EQ(imported({"a.jsonl", "--dry-run"}).exit_code, 0);
}

TEST_F(StoreCopy, ReplacesAnArchiveOnlyWhenThatIsAskedFor) {
  append_three();
  EXPECT_EQ(exported().exit_code, 0);
  const Ended refused = exported();
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("archive.exists"));
  EXPECT_EQ(exported({"--overwrite"}).exit_code, 0);
}

TEST_F(StoreCopy, ExportsWhatAnEarlierArchiveLacks) {
  append_three();
  ASSERT_EQ(exported().exit_code, 0);
  call({"append", "order-9", "--type", "placed"}, "{}");
  ASSERT_EQ(call({"store", "export", "b.jsonl", "--after", "3"}).exit_code, 0);
  EXPECT_EQ(imported({"b.jsonl"}).exit_code, 1);
  EXPECT_EQ(imported({"a.jsonl"}).exit_code, 0);
  EXPECT_EQ(imported({"b.jsonl"}).exit_code, 0);
  EXPECT_EQ(log_of("new.toml"), log_of("penstock.toml"));
  EXPECT_EQ(call({"store", "export", "c.jsonl", "--after", "5"}).exit_code, 65);
}

TEST_F(StoreCopy, ProvesAFileWithoutAStore) {
  append_three();
  ASSERT_EQ(exported().exit_code, 0);
  const Ended sound = imported({"a.jsonl", "--dry-run"});
  EXPECT_EQ(sound.exit_code, 0) << sound.err;
  EXPECT_EQ(sound.out, "sound: 3 events up to position 3\n");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("new.db")));
}

TEST_F(StoreCopy, NamesFileLineAndColumnOfWhatIsWrong) {
  append_three();
  ASSERT_EQ(exported().exit_code, 0);
  const std::string archive = content("a.jsonl");
  std::string changed = archive;
  const std::size_t second = changed.find('\n') + 1;
  changed.insert(changed.find(",\"stream\"", second), "!");
  folder_.write("changed.jsonl", changed);
  const Ended broken = imported({"changed.jsonl"});
  EXPECT_EQ(broken.exit_code, 65);
  EXPECT_THAT(broken.err, HasSubstr("changed.jsonl:2:60: a comma or a closing bracket is missing [archive.malformed]"));
  folder_.write("cut.jsonl", archive.substr(0, archive.size() - 10));
  const Ended cut = imported({"cut.jsonl"});
  EXPECT_EQ(cut.exit_code, 65);
  EXPECT_THAT(cut.err, HasSubstr("archive.cut"));
  const Ended cut_pipe = imported({"-"}, std::string_view(archive).substr(0, archive.size() - 10));
  EXPECT_EQ(cut_pipe.exit_code, 65);
  EXPECT_THAT(cut_pipe.err, HasSubstr("standard input:5: the file ends in the middle of line 5"));
  folder_.write("foreign.csv", "id;stream\n1;order-7\n");
  const Ended foreign = imported({"foreign.csv"});
  EXPECT_EQ(foreign.exit_code, 65);
  EXPECT_THAT(foreign.err, HasSubstr("foreign.csv:1:1: this is no JSON object"));
  const Ended missing = imported({"nowhere.jsonl"});
  EXPECT_EQ(missing.exit_code, 74);
  EXPECT_THAT(missing.err, HasSubstr("archive.unreadable"));
}

TEST_F(StoreCopy, TellsWrongCalls) {
  EXPECT_EQ(call({"store", "export"}).exit_code, 64);
  EXPECT_EQ(exported({"--format", "csv"}).exit_code, 64);
  EXPECT_EQ(exported({"--after", "-1"}).exit_code, 64);
  EXPECT_EQ(exported({"--resume", "--after", "1"}).exit_code, 64);
  EXPECT_EQ(call({"store", "export", "-", "--resume"}).exit_code, 64);
  EXPECT_EQ(exported().exit_code, 69) << "there is no store";
}

TEST_F(StoreCopy, LeavesAStoreAloneThatIsInUse) {
  append_three();
  ASSERT_EQ(exported().exit_code, 0);
  folder_.write("new.toml",
                "[store]\nurl = \"sqlite:new.db\"\n[[sink]]\nname = \"out\"\nkind = \"console\"\n"
                "[[route]]\nfrom = \"store\"\nto = \"out\"\n");
  RunningProgram daemon(folder_, "daemon", {"run", "-c", "new.toml"});
  ASSERT_TRUE(daemon.wait_until([&] {
    const Ended status = call({"status", "-o", "json", "-c", "new.toml"});
    return status.out.find("\"running\"") != std::string::npos;
  })) << daemon.err()
      << call({"status", "-o", "json", "-c", "new.toml"}).out;
  const Ended refused = imported({"a.jsonl"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("store.in_use"), HasSubstr("store-to-out is driven by")));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_for_end(), 0);
  EXPECT_EQ(imported({"a.jsonl"}).exit_code, 0);
}

}  // namespace
}  // namespace penstock::tests
