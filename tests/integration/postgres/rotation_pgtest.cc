// The password of the store's role is changed while the store is open.
#include "tests/integration/postgres/store_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/password_role.h"

namespace penstock::store::postgres {
namespace {

class PostgresRotation : public StoreFixture {};

TEST_F(PostgresRotation, AppendsAndReadsOnceTheFileHasTheNewPassword) {
  open_migrated();
  tests::PasswordRole role(url(), "SUPERUSER");
  if (const auto why = role.reason_missing(); !why.empty()) GTEST_SKIP() << why;
  StoreSettings settings;
  settings.url = role.url();
  const auto store = open(std::move(settings));
  ASSERT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"ok"});

  role.change();
  EXPECT_TRUE(tests::eventually(
      [&] { return append_all(*store, {request("order-2")}) == std::vector<std::string>{"store.unauthorized"}; }));
  EXPECT_EQ(code_of(store->log().head()), "store.unauthorized");
  role.write();
  EXPECT_TRUE(
      tests::eventually([&] { return append_all(*store, {request("order-3")}) == std::vector<std::string>{"ok"}; }));
  EXPECT_EQ(code_of(store->log().head()), "ok");
}

TEST_F(PostgresRotation, SaysWhyAFileCannotBeReadAgain) {
  tests::PasswordRole role(url(), "");
  if (const auto why = role.reason_missing(); !why.empty()) GTEST_SKIP() << why;
  SessionSettings settings;
  settings.url = Secret(role.url().reveal(), [] {
    return tl::expected<std::string, std::string>(tl::unexpected(std::string("file /run/url is empty")));
  });
  EXPECT_TRUE(Session::open(settings, soon()));
  role.change();
  const auto refused = Session::open(settings, soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, "store.unauthorized");
  EXPECT_NE(refused.error().message().find("file /run/url is empty"), std::string::npos) << refused.error().message();
}

// libpq would quote what it takes for a port.
TEST_F(PostgresRotation, SaysNothingOfATextThatIsHalfWritten) {
  for (const char* half :
       {"postgresql://app:Hunter2", "postgresql://app:Hunter2/x@127.0.0.1/shop", "Hunter2", "port=Hunter2"}) {
    SessionSettings settings;
    settings.url = Secret(url(), [half] { return tl::expected<std::string, std::string>(half); });
    const auto refused = Session::open(settings, soon());
    ASSERT_FALSE(refused) << half;
    EXPECT_EQ(refused.error().code().name, "store.unavailable") << "which is tried again";
    EXPECT_EQ(refused.error().describe().find("Hunter2"), std::string::npos) << refused.error().describe();
  }
}

}  // namespace
}  // namespace penstock::store::postgres
