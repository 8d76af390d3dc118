// The password of a source's role is changed while the source runs.
#include "tests/integration/wal/wal_reader.h"
#include "tests/support/password_role.h"

namespace penstock::tests {
namespace {

TEST(WalRotation, ReadsOnOnceTheFileHasTheNewPassword) {
  PENSTOCK_NEEDS(Server::kPostgres);
  WalOutbox outbox;
  outbox.create_publication_and_slot();
  PasswordRole role(outbox.url(), "REPLICATION");
  if (const auto why = role.reason_missing(); !why.empty()) GTEST_SKIP() << why;
  outbox.execute("GRANT USAGE ON SCHEMA shop TO " + role.name() + "; GRANT SELECT ON shop.outbox TO " + role.name());
  outbox.settings().rows.url = role.url();
  WalReader reader(outbox);
  ASSERT_TRUE(reader.open());
  outbox.insert("a", 1);
  const auto items = reader.read(1);
  ASSERT_TRUE(reader.source().settle(items.back().mark));

  role.change();
  outbox.insert("a", 2);
  EXPECT_FALSE(reader.source().read({10, 64 << 20, connectors::ReadRoom::Window::kEmpty},
                                    Deadline::in(std::chrono::seconds(10)), {}));
  const auto refused = reader.open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, "wal.unauthorized");
  role.write();
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(data_of(reader.read(1)), "2");
  reader.source().close();
}

}  // namespace
}  // namespace penstock::tests
