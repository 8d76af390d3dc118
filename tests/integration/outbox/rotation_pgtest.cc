// The password of a source's role is changed while the source runs.
#include "connectors/outbox/source_sessions.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/password_role.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

class OutboxRotation : public OutboxTest {};

// Also where sources of one database share its sessions: they are told apart by the text of the start.
TEST_F(OutboxRotation, ReadsOnOnceTheFileHasTheNewPassword) {
  PasswordRole role(outbox().url(), "");
  if (const auto why = role.reason_missing(); !why.empty()) GTEST_SKIP() << why;
  outbox().execute("GRANT USAGE ON SCHEMA shop TO " + role.name() + "; GRANT ALL ON shop.outbox TO " + role.name());
  outbox().settings().url = role.url();
  outbox::SourceSessions sessions(std::vector<Secret>(3, role.url()));
  auto source = outbox().make_source(&sessions);
  const auto open = [&] { return source->open({}, Deadline::in(10s), {}); };
  ASSERT_EQ(code_of(open()), "ok");
  outbox().insert("a", 1);
  ASSERT_EQ(data_of(read_until(*source, 1)), "1");

  role.change();
  EXPECT_FALSE(source->read(kMuchRoom, Deadline::in(10s), {}));
  EXPECT_EQ(code_of(open()), "outbox.unauthorized");
  role.write();
  ASSERT_EQ(code_of(open()), "ok");
  EXPECT_EQ(data_of(read_until(*source, 1)), "1");
  EXPECT_EQ(outbox().value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penstock sources test'"
                           " AND datname = current_database()"),
            "1");
}

}  // namespace
}  // namespace penstock::tests
