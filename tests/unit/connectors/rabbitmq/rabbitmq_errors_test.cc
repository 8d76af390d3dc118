#include "connectors/rabbitmq/rabbitmq_errors.h"

#include <amqp.h>
#include <gtest/gtest.h>

namespace penstock::rabbitmq {
namespace {

TEST(RabbitErrors, NameEveryReplyCode) {
  const std::pair<int, const ErrorCode*> table[] = {
      {200, &codes::kRabbitUnavailable},   {311, &codes::kRabbitPreconditionFailed},
      {312, &codes::kRabbitUnroutable},    {313, &codes::kRabbitUnroutable},
      {320, &codes::kRabbitUnavailable},   {402, &codes::kRabbitUnauthorized},
      {403, &codes::kRabbitUnauthorized},  {404, &codes::kRabbitExchangeMissing},
      {405, &codes::kRabbitUnavailable},   {406, &codes::kRabbitPreconditionFailed},
      {501, &codes::kRabbitProtocolError}, {502, &codes::kRabbitProtocolError},
      {503, &codes::kRabbitProtocolError}, {504, &codes::kRabbitProtocolError},
      {505, &codes::kRabbitProtocolError}, {506, &codes::kRabbitUnavailable},
      {530, &codes::kRabbitUnauthorized},  {540, &codes::kRabbitProtocolError},
      {541, &codes::kRabbitUnavailable},   {0, &codes::kRabbitProtocolError},
      {999, &codes::kRabbitProtocolError},
  };
  for (const auto& [reply, code] : table) EXPECT_EQ(&code_of_reply(reply), code) << reply;
}

TEST(RabbitErrors, NameEveryStatusOfTheLibrary) {
  const std::pair<int, const ErrorCode*> table[] = {
      {AMQP_STATUS_NO_MEMORY, &codes::kInternal},
      {AMQP_STATUS_BAD_AMQP_DATA, &codes::kRabbitProtocolError},
      {AMQP_STATUS_UNKNOWN_CLASS, &codes::kRabbitProtocolError},
      {AMQP_STATUS_UNKNOWN_METHOD, &codes::kRabbitProtocolError},
      {AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED, &codes::kRabbitUnavailable},
      {AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION, &codes::kRabbitProtocolError},
      {AMQP_STATUS_CONNECTION_CLOSED, &codes::kRabbitUnavailable},
      {AMQP_STATUS_BAD_URL, &codes::kInternal},
      {AMQP_STATUS_SOCKET_ERROR, &codes::kRabbitUnavailable},
      {AMQP_STATUS_INVALID_PARAMETER, &codes::kInternal},
      {AMQP_STATUS_TABLE_TOO_BIG, &codes::kRabbitRejected},
      {AMQP_STATUS_WRONG_METHOD, &codes::kRabbitProtocolError},
      {AMQP_STATUS_TIMEOUT, &codes::kRabbitUnavailable},
      {AMQP_STATUS_TIMER_FAILURE, &codes::kInternal},
      {AMQP_STATUS_HEARTBEAT_TIMEOUT, &codes::kRabbitUnavailable},
      {AMQP_STATUS_UNEXPECTED_STATE, &codes::kRabbitProtocolError},
      {AMQP_STATUS_SOCKET_CLOSED, &codes::kRabbitUnavailable},
      {AMQP_STATUS_SOCKET_INUSE, &codes::kInternal},
      {AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD, &codes::kRabbitUnauthorized},
      {AMQP_STATUS_UNSUPPORTED, &codes::kInternal},
      {AMQP_STATUS_TCP_ERROR, &codes::kRabbitUnavailable},
      {AMQP_STATUS_TCP_SOCKETLIB_INIT_ERROR, &codes::kInternal},
      {AMQP_STATUS_SSL_ERROR, &codes::kRabbitTlsFailed},
      {AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED, &codes::kRabbitTlsFailed},
      {AMQP_STATUS_SSL_PEER_VERIFY_FAILED, &codes::kRabbitTlsFailed},
      {AMQP_STATUS_SSL_CONNECTION_FAILED, &codes::kRabbitTlsFailed},
      {AMQP_STATUS_SSL_SET_ENGINE_FAILED, &codes::kRabbitTlsFailed},
      {-0x7fff, &codes::kInternal},
  };
  for (const auto& [status, code] : table) EXPECT_EQ(&code_of_status(status), code) << status;
}

TEST(RabbitErrors, RepeatTheBrokersWords) {
  const Error error = error_of_reply("publishing", 404, "NOT_FOUND - no exchange 'events' in vhost '/'");
  EXPECT_EQ(error.message(), "publishing: the broker says \"NOT_FOUND - no exchange 'events' in vhost '/'\" (404)");
}

}  // namespace
}  // namespace penstock::rabbitmq
