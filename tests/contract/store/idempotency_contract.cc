#include <future>

#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::AnyVersion;
using store::KnownId;
using store::NoStream;
using store::StreamExists;

struct Row {
  const char* stored;
  store::ExpectedVersion expected;
  const char* sent;
  const char* outcome;  // "known <first version>@<first position>" or a code
};

class Table {
 public:
  explicit Table(std::vector<Row> rows) : rows_(std::move(rows)) {}

  // Each row on a stream of its own; its first stored event is where `before` events stand already.
  template <typename Append, typename Reopen>
  void check(Append append, Reopen between) const {
    std::int64_t before = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      const std::string stream = "order-" + std::to_string(i);
      ASSERT_TRUE(append(lettered(stream, row.stored)));
      between();
      const auto answer = append(lettered(stream, row.sent, row.expected));
      EXPECT_EQ(words(answer, before), row.outcome)
          << "stored " << row.stored << ", sent " << row.sent << " expecting " << to_string(row.expected);
      before += static_cast<std::int64_t>(std::string_view(row.stored).size());
    }
  }

 private:
  static std::string words(const Result<store::AppendReceipt>& answer, std::int64_t before) {
    if (!answer) return code_of(answer);
    if (answer->origin == store::AppendReceipt::Origin::kWritten) return "written";
    return "known " + std::to_string(answer->first_version.value) + "@" +
           std::to_string(answer->first_position.value - before);
  }

  std::vector<Row> rows_;
};

const Table& retries() {
  static const Table table({{"abc", NoStream{}, "abc", "known 0@1"},
                            {"abc", NoStream{}, "ab", "known 0@1"},
                            {"abc", Version{0}, "bc", "known 1@2"},
                            {"abc", Version{1}, "c", "known 2@3"},
                            {"abc", AnyVersion{}, "abc", "known 0@1"},
                            {"abc", AnyVersion{}, "b", "known 1@2"},
                            {"abc", StreamExists{}, "abc", "known 0@1"},
                            {"abcdef", NoStream{}, "abc", "known 0@1"},
                            {"abcdef", Version{0}, "bc", "known 1@2"}});
  return table;
}

TEST_P(IdempotencyContract, AnswersARetryAsTheFirstAttempt) {
  retries().check([this](auto sent) { return append(std::move(sent)); }, [] {});
}

TEST_P(IdempotencyContract, AnswersARetryAsTheFirstAttemptAfterARestart) {
  retries().check([this](auto sent) { return append(std::move(sent)); }, [this] { reopen(); });
}

// As a retry after a day meets it: other programs since, and nothing of the first attempt in anybody's memory.
TEST_P(IdempotencyContract, AnswersARetryOfLongAgoFromAnotherProgram) {
  ASSERT_TRUE(append(lettered("order-1", "abc", NoStream{})));
  close();
  {
    const auto between = open_another();
    for (int round = 0; round < 4; ++round) {
      std::vector<EventRef> many;
      for (int i = 0; i < 500; ++i) many.push_back(event({.stream = "order-" + std::to_string(1 + i % 3)}));
      ASSERT_TRUE(between->events().append_and_wait(request(std::move(many)), soon()));
    }
  }
  const auto late = open_another();
  for (const store::KnownId known : {store::KnownId::kIdsDecide, store::KnownId::kBytesMustMatch}) {
    auto retry = lettered("order-1", "abc", NoStream{});
    retry.known_id = known;
    const auto answer = late->events().append_and_wait(std::move(retry), soon());
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->origin, store::AppendReceipt::Origin::kKnown);
    EXPECT_EQ(answer->first_version, Version{0});
    EXPECT_EQ(answer->last_position, Position{3});
  }
  EXPECT_EQ(late->log().head(), Position{2'003});
  reopen();
}

TEST_P(IdempotencyContract, RefusesIdsThatStandElsewhere) {
  const Table table({{"a", Version{0}, "a", "store.id_reused"},
                     {"abc", Version{2}, "a", "store.id_reused"},
                     {"abc", AnyVersion{}, "ba", "store.id_reused"},
                     {"abc", AnyVersion{}, "ac", "store.id_reused"},
                     {"abc", NoStream{}, "b", "store.wrong_expected_version"},
                     {"abc", Version{1}, "b", "store.wrong_expected_version"}});
  table.check([this](auto sent) { return append(std::move(sent)); }, [] {});
}

TEST_P(IdempotencyContract, RefusesARequestOfWhichAPartIsKnown) {
  const Table table({{"ab", NoStream{}, "abx", "store.partly_known"},
                     {"ab", AnyVersion{}, "bx", "store.partly_known"},
                     {"ab", AnyVersion{}, "xa", "store.partly_known"},
                     {"ab", Version{0}, "bx", "store.partly_known"}});
  table.check([this](auto sent) { return append(std::move(sent)); }, [] {});
}

TEST_P(IdempotencyContract, WritesNothingForARetry) {
  ASSERT_TRUE(append(lettered("order-1", "abc")));
  ASSERT_TRUE(append(lettered("order-1", "abc")));
  ASSERT_FALSE(append(lettered("order-1", "cx")));
  EXPECT_EQ(positions_of(read_log()), numbers(1, 3));
  EXPECT_EQ(store().events().counts()->events, 3u);
}

// A source that starts again sends what it had sent, many rows at once, and new ones between them: the retries share
// a transaction with each other and with what is new.
TEST_P(IdempotencyContract, AnswersRetriesThatShareATransaction) {
  const auto append_all = [this](int streams) {
    std::vector<std::promise<Result<store::AppendReceipt>>> answers(static_cast<std::size_t>(streams));
    for (int i = 0; i < streams; ++i) {
      store().events().append(
          lettered("order-" + std::to_string(i), "a", AnyVersion{}), Deadline::in(std::chrono::seconds(20)),
          [&answers, i](auto answer) { answers[static_cast<std::size_t>(i)].set_value(std::move(answer)); });
    }
    int known = 0;
    for (auto& answer : answers) {
      const auto receipt = answer.get_future().get();
      EXPECT_TRUE(receipt) << receipt.error().describe();
      known += receipt && receipt->origin == store::AppendReceipt::Origin::kKnown ? 1 : 0;
    }
    return known;
  };
  EXPECT_EQ(append_all(60), 0);
  EXPECT_EQ(append_all(90), 60);
  EXPECT_EQ(positions_of(read_log()), numbers(1, 90));
}

TEST_P(IdempotencyContract, AcceptsTheSameIdInAnotherStream) {
  ASSERT_TRUE(append(lettered("order-1", "a")));
  const auto answer = append(lettered("order-2", "a"));
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(answer->origin, store::AppendReceipt::Origin::kWritten);
}

TEST_P(IdempotencyContract, LetsIdsDecideForCallersOfTheApi) {
  ASSERT_TRUE(append(request({event({.id = id_of('a'), .stream = "order-1", .data = "first"})})));
  const auto answer = append(request({event({.id = id_of('a'), .stream = "order-1", .type = "t", .data = "second"})}));
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(answer->origin, store::AppendReceipt::Origin::kKnown);
  EXPECT_EQ(read_log().at(0)->data, "first");
}

TEST_P(IdempotencyContract, ComparesTypeAndBytesOfIngestedRows) {
  const auto ingest = [this](std::string_view type, std::optional<std::string_view> data) {
    return append(request({event({.id = id_of('a'), .stream = "order-1", .type = type, .data = data})}, AnyVersion{},
                          KnownId::kBytesMustMatch));
  };
  ASSERT_TRUE(ingest("placed", ""));
  EXPECT_EQ(ingest("placed", "")->origin, store::AppendReceipt::Origin::kKnown);
  EXPECT_EQ(code_of(ingest("placed", std::nullopt)), "store.id_reused");
  EXPECT_EQ(code_of(ingest("placed", "x")), "store.id_reused");
  EXPECT_EQ(code_of(ingest("paid", "")), "store.id_reused");
}

TEST_P(IdempotencyContract, ComparesBytesThatAreNoText) {
  const std::string bytes("\0\xFF\x80'", 4);
  const auto ingest = [this](std::optional<std::string_view> data) {
    return append(request({event({.id = id_of('a'), .stream = "order-1", .data = data})}, AnyVersion{},
                          KnownId::kBytesMustMatch));
  };
  ASSERT_TRUE(ingest(bytes));
  EXPECT_EQ(code_of(ingest(bytes)), "ok");
  EXPECT_EQ(code_of(ingest(bytes.substr(0, 3))), "store.id_reused");
}

}  // namespace
}  // namespace penstock::tests
