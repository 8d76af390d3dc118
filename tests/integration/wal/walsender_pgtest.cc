// The server's end of the stream: one that hangs, one that is idle, one that works for long.
#include <gmock/gmock.h>
#include <signal.h>

#include <future>

#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class StoppedProcess {
 public:
  explicit StoppedProcess(pid_t process) : process_(process) {
    if (::kill(process_, SIGSTOP) != 0) process_ = 0;
  }
  ~StoppedProcess() { go_on(); }
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;

  bool has_stopped() const { return process_ != 0; }
  void go_on() {
    if (process_ != 0) ::kill(process_, SIGCONT);
    process_ = 0;
  }

 private:
  pid_t process_;
};

class WalWalsender : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
    outbox_->create_publication_and_slot();
  }
  void TearDown() override { reader_.reset(); }

  void open() {
    if (!reader_) reader_ = std::make_unique<WalReader>(*outbox_);
    ASSERT_TRUE(eventually([&] { return reader_->open().has_value(); }));
  }
  std::string walsender() {
    return outbox_->value("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '" + outbox_->settings().slot +
                          "'");
  }
  Status read_for(std::chrono::seconds time) {
    const Deadline deadline = Deadline::in(time);
    while (!deadline.expired()) {
      const auto batch = reader_->source().read({10, 64 << 20, connectors::ReadRoom::Window::kEmpty}, deadline, {});
      if (!batch) return fail(batch.error());
    }
    return {};
  }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
};

// A walsender that hangs while the rest of the server answers is not an idle one.
TEST_F(WalWalsender, SaysThatItHangsAndGoesOnWithIt) {
  open();
  outbox_->insert("a", 1);
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  const std::string pid = walsender();
  StoppedProcess stopped(std::stoi(pid));
  if (!stopped.has_stopped()) GTEST_SKIP() << "the server's processes are not ours to stop";
  outbox_->insert("a", 2);

  const auto began = std::chrono::steady_clock::now();
  const auto read = read_for(30s);
  ASSERT_FALSE(read) << "nobody noticed";
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
  EXPECT_EQ(read.error().code().name, "wal.stalled");
  EXPECT_THAT(read.error().message(), HasSubstr("pid " + pid));

  const auto again = reader_->open();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code().name, "wal.stalled");
  EXPECT_THAT(again.error().message(), HasSubstr("SELECT pg_terminate_backend(" + pid + ");"));
  const auto elsewhere = WalReader(*outbox_).open();
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code().name, "wal.slot_in_use");
  EXPECT_THAT(elsewhere.error().message(), HasSubstr("pid " + pid + " (penstock source"));
  EXPECT_TRUE(
      eventually([&] { return findings_of(*outbox_).find("SELECT pg_terminate_backend(" + pid) != std::string::npos; },
                 Deadline::in(30s)))
      << findings_of(*outbox_);

  stopped.go_on();
  open();
  EXPECT_EQ(data_of(reader_->read(2)), "1 2");
  EXPECT_EQ(findings_of(*outbox_).find("pg_terminate_backend"), std::string::npos) << findings_of(*outbox_);
}

// Idle for longer than it takes to find one that hangs; of a role that may not see when it was heard of.
TEST_F(WalWalsender, IsLeftInPeaceWhileNothingHappens) {
  const TestRole role(outbox_->url(), "LOGIN REPLICATION");
  role.grant("USAGE ON SCHEMA shop");
  outbox_->settings().rows.url = role.url();
  open();
  const std::string pid = walsender();
  const auto read = read_for(21s);
  EXPECT_TRUE(read) << read.error().describe();
  EXPECT_EQ(walsender(), pid);
  EXPECT_EQ(findings_of(*outbox_).find("pg_terminate_backend"), std::string::npos) << findings_of(*outbox_);
  reader_.reset();
}

// The server decodes it all, and sends nothing of it.
TEST_F(WalWalsender, IsLeftInPeaceThroughALargeTransactionOfWhichNothingIsPublished) {
  outbox_->execute("CREATE TABLE shop.other (number int, text text)");
  open();
  const std::string pid = walsender();
  auto writing = std::async(std::launch::async, [&] {
    outbox_->execute("INSERT INTO shop.other SELECT i, md5(i::text) FROM generate_series(1, 1000000) i");
    outbox_->insert("a", 1);
  });
  const auto items = reader_->read(1);
  EXPECT_EQ(data_of(items), "1");
  EXPECT_EQ(walsender(), pid);
  writing.get();
}

}  // namespace
}  // namespace penstock::tests
