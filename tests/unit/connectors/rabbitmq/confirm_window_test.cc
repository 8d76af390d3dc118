#include "connectors/rabbitmq/confirm_window.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/connectors/rabbitmq/message_for_tests.h"

namespace penstock::rabbitmq {
namespace {

using connectors::Outcome;
using connectors::Ticket;
using Confirm = ConfirmWindow::Confirm;
using Reach = ConfirmWindow::Reach;

class ConfirmWindowTest : public ::testing::Test {
 protected:
  // Tickets from 1, each with an event id of its own unless told otherwise.
  void publish(int count) {
    for (int i = 0; i < count; ++i) publish_as(static_cast<std::uint8_t>(messages_.size() + 1));
  }
  void publish_as(std::uint8_t id, std::string_view routing_key = "k") {
    Event event = stored_event();
    event.id = id_of(id);
    messages_.push_back(message_of(event, "events", routing_key));
    window_.published({.ticket = Ticket{messages_.size()}, .message = &messages_.back(), .bytes = 1});
  }
  bool returned(std::uint8_t id, std::string_view routing_key = "k") {
    return window_.returned(id_of(id).to_string(), "events", routing_key, unroutable_);
  }
  bool confirm(std::uint64_t number, Reach reach = Reach::kOne, Confirm kind = Confirm::kAck) {
    return window_.confirmed(number, reach, kind, nacked_, settled_);
  }
  // "1d 2x 3r": ticket and outcome, in the order of settling.
  std::string settled() const {
    std::string words;
    for (const auto& one : settled_) {
      const char letter = one.outcome == Outcome::kDelivered ? 'd' : one.outcome == Outcome::kRejected ? 'x' : 'r';
      words += (words.empty() ? "" : " ") + std::to_string(one.accepted.ticket.value) + letter;
    }
    return words;
  }

  std::deque<connectors::Message> messages_;
  ConfirmWindow window_;
  std::vector<ConfirmWindow::Settled> settled_;
  const std::shared_ptr<const Error> nacked_ = std::make_shared<const Error>(codes::kRabbitNacked, "nack");
  const std::shared_ptr<const Error> unroutable_ = std::make_shared<const Error>(codes::kRabbitUnroutable, "no route");
};

TEST_F(ConfirmWindowTest, NumbersPublishesFromOne) {
  EXPECT_EQ(window_.published({}), 1U);
  EXPECT_EQ(window_.published({}), 2U);
}

TEST_F(ConfirmWindowTest, SettlesTheOneThatIsConfirmed) {
  publish(3);
  EXPECT_TRUE(confirm(2));
  EXPECT_EQ(settled(), "2d");
  EXPECT_EQ(window_.outstanding(), 2U);
}

TEST_F(ConfirmWindowTest, SettlesAllUpToTheOneThatIsConfirmedWithMultiple) {
  publish(4);
  EXPECT_TRUE(confirm(3, Reach::kUpTo));
  EXPECT_EQ(settled(), "1d 2d 3d");
}

TEST_F(ConfirmWindowTest, SettlesNothingTwice) {
  publish(4);
  EXPECT_TRUE(confirm(2));
  EXPECT_TRUE(confirm(2));
  EXPECT_TRUE(confirm(3, Reach::kUpTo));
  EXPECT_TRUE(confirm(1));
  EXPECT_TRUE(confirm(3, Reach::kUpTo));
  EXPECT_EQ(settled(), "2d 1d 3d");
  EXPECT_EQ(window_.outstanding(), 1U);
}

TEST_F(ConfirmWindowTest, TakesMultipleZeroAsAllSoFar) {
  publish(2);
  EXPECT_TRUE(confirm(0, Reach::kUpTo));
  EXPECT_EQ(settled(), "1d 2d");
}

TEST_F(ConfirmWindowTest, RefusesAConfirmOfWhatWasNeverPublished) {
  publish(1);
  EXPECT_FALSE(confirm(2));
  EXPECT_FALSE(confirm(2, Reach::kUpTo));
  EXPECT_FALSE(confirm(0));
  EXPECT_EQ(settled(), "");
}

TEST_F(ConfirmWindowTest, TakesANackAsRetryable) {
  publish(2);
  EXPECT_TRUE(confirm(2, Reach::kUpTo, Confirm::kNack));
  EXPECT_EQ(settled(), "1r 2r");
  EXPECT_EQ(settled_[0].error, nacked_);
}

TEST_F(ConfirmWindowTest, RejectsAReturnedMessageWithItsConfirmOnly) {
  publish(3);
  EXPECT_TRUE(returned(2));
  EXPECT_EQ(settled(), "");
  EXPECT_TRUE(confirm(3, Reach::kUpTo));
  EXPECT_EQ(settled(), "1d 2x 3d");
  EXPECT_EQ(settled_[1].error, unroutable_);
}

TEST_F(ConfirmWindowTest, MatchesReturnsOfOneIdInTheOrderOfPublishing) {
  for (int i = 0; i < 3; ++i) publish_as(7);
  EXPECT_TRUE(returned(7));
  EXPECT_TRUE(returned(7));
  EXPECT_TRUE(confirm(3, Reach::kUpTo));
  EXPECT_EQ(settled(), "1x 2x 3d");
}

TEST_F(ConfirmWindowTest, TellsMessagesOfOneIdApartByRoutingKey) {
  publish_as(7, "a");
  publish_as(7, "b");
  EXPECT_TRUE(returned(7, "b"));
  EXPECT_TRUE(confirm(2, Reach::kUpTo));
  EXPECT_EQ(settled(), "1d 2x");
}

TEST_F(ConfirmWindowTest, FindsAReturnThatComesOutOfOrder) {
  publish(4);
  EXPECT_TRUE(returned(3));
  EXPECT_TRUE(returned(1));
  EXPECT_TRUE(confirm(4, Reach::kUpTo));
  EXPECT_EQ(settled(), "1x 2d 3x 4d");
}

TEST_F(ConfirmWindowTest, DoesNotMatchAReturnWithASettledMessage) {
  publish(2);
  EXPECT_TRUE(confirm(1));
  messages_[0] = {};  // gone with its outcome
  EXPECT_FALSE(returned(1));
  EXPECT_TRUE(returned(2));
}

TEST_F(ConfirmWindowTest, LosesWhatIsOutstandingAndOnlyThat) {
  publish(3);
  EXPECT_TRUE(confirm(2));
  const auto lost = std::make_shared<const Error>(codes::kRabbitUnavailable, "lost");
  window_.lose_all(lost, settled_);
  EXPECT_EQ(settled(), "2d 1r 3r");
  EXPECT_EQ(window_.outstanding(), 0U);
}

}  // namespace
}  // namespace penstock::rabbitmq
