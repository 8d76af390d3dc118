// The statements that give a role its rights on the store must do so as they stand.
#include <gmock/gmock.h>

#include <optional>

#include "store/postgres/grants.h"
#include "tests/integration/postgres/store_fixture.h"
#include "tests/support/test_role.h"

namespace penstock::store::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::TestRole;

class GrantsTest : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    role_.emplace(url());
  }
  std::vector<std::string> missing() {
    auto found = missing_grants(role_->url(), "penstock", soon());
    EXPECT_TRUE(found) << found.error().describe();
    return found ? *found : std::vector<std::string>{};
  }
  void grant_what_is_missing() {
    for (const std::string& statement : missing()) execute(statement);
    EXPECT_THAT(missing(), IsEmpty());
  }
  std::unique_ptr<Store> open_as_role() {
    StoreSettings settings;
    settings.url = role_->url();
    return open(settings);
  }

  std::optional<TestRole> role_;
};

// The roles are of the whole server, and other tests make them too.
TEST_F(GrantsTest, MakeTheRolesWithoutASuperuser) {
  const std::string sql = *open_migrated()->roles_sql();
  execute(sql);
  for (const char* one : {"owner", "runtime", "appender", "reader"}) role_->grant("penstock_" + std::string(one));
  role_->grant("CREATE ON DATABASE " + value("SELECT current_database()"));
  execute("DROP SCHEMA penstock CASCADE");
  ASSERT_TRUE(open_as_role()->migrate());
  tests::run_sql(role_->url().reveal(), sql);
  EXPECT_EQ(value("SELECT string_agg(DISTINCT pg_get_userbyid(c.relowner), ',') FROM pg_class c WHERE c.relnamespace ="
                  " 'penstock'::regnamespace"),
            "penstock_owner");
}

TEST_F(GrantsTest, LetARoleMakeTheStore) {
  EXPECT_THAT(missing(), ElementsAre(HasSubstr("CREATE SCHEMA \"penstock\" AUTHORIZATION")));
  grant_what_is_missing();
  const auto store = open_as_role();
  const Status migrated = store->migrate();
  EXPECT_TRUE(migrated) << migrated.error().describe();
}

TEST_F(GrantsTest, LetARoleUseAStoreThatAnotherMade) {
  open_migrated();
  EXPECT_THAT(missing(), testing::SizeIs(testing::Ge(2)));
  grant_what_is_missing();
  const auto store = open_as_role();
  EXPECT_THAT(append_all(*store, {request("order-1", 3)}), ElementsAre("ok"));
  EXPECT_TRUE(store->checkpoints().list());
  EXPECT_TRUE(store->route_states().list());
  EXPECT_TRUE(store->parked().list("", 0, 10));
}

TEST_F(GrantsTest, SeeASingleTableThatMayNotBeWritten) {
  open_migrated();
  grant_what_is_missing();
  execute("REVOKE UPDATE ON penstock.head FROM " + role_->name());
  EXPECT_THAT(missing(),
              ElementsAre("GRANT UPDATE ON \"penstock\".head, \"penstock\".limits TO " + role_->name() + ";"));
}

TEST_F(GrantsTest, AskForNothingMoreThanTheRuntimeRoleHas) {
  const auto store = open_migrated();
  execute(*store->roles_sql());
  role_->grant("penstock_runtime");
  EXPECT_THAT(missing(), IsEmpty());
}

}  // namespace
}  // namespace penstock::store::postgres
