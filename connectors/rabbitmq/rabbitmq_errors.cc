#include "connectors/rabbitmq/rabbitmq_errors.h"

#include <amqp.h>

namespace penstock::rabbitmq {

const ErrorCode& code_of_reply(int reply_code) {
  switch (static_cast<Reply>(reply_code)) {
    case Reply::kNoRoute:
    case Reply::kNoConsumers: return codes::kRabbitUnroutable;
    case Reply::kNotFound: return codes::kRabbitExchangeMissing;
    case Reply::kAccessRefused:
    case Reply::kInvalidPath:
    case Reply::kNotAllowed: return codes::kRabbitUnauthorized;
    case Reply::kContentTooLarge:
    case Reply::kPreconditionFailed: return codes::kRabbitPreconditionFailed;
    case Reply::kSuccess:
    case Reply::kConnectionForced:
    case Reply::kResourceLocked:
    case Reply::kResourceError:
    case Reply::kInternalError: return codes::kRabbitUnavailable;
    case Reply::kFrameError:
    case Reply::kSyntaxError:
    case Reply::kCommandInvalid:
    case Reply::kChannelError:
    case Reply::kUnexpectedFrame:
    case Reply::kNotImplemented: return codes::kRabbitProtocolError;
  }
  return codes::kRabbitProtocolError;
}

const ErrorCode& code_of_status(int status) {
  switch (static_cast<amqp_status_enum>(status)) {
    case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED:
    case AMQP_STATUS_CONNECTION_CLOSED:
    case AMQP_STATUS_SOCKET_ERROR:
    case AMQP_STATUS_HEARTBEAT_TIMEOUT:
    case AMQP_STATUS_SOCKET_CLOSED:
    case AMQP_STATUS_TCP_ERROR:
    case AMQP_STATUS_TIMEOUT: return codes::kRabbitUnavailable;
    case AMQP_STATUS_SSL_ERROR:
    case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
    case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
    case AMQP_STATUS_SSL_CONNECTION_FAILED:
    case AMQP_STATUS_SSL_SET_ENGINE_FAILED: return codes::kRabbitTlsFailed;
    case AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD: return codes::kRabbitUnauthorized;
    case AMQP_STATUS_TABLE_TOO_BIG: return codes::kRabbitRejected;
    case AMQP_STATUS_BAD_AMQP_DATA:
    case AMQP_STATUS_UNKNOWN_CLASS:
    case AMQP_STATUS_UNKNOWN_METHOD:
    case AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION:
    case AMQP_STATUS_WRONG_METHOD:
    case AMQP_STATUS_UNEXPECTED_STATE: return codes::kRabbitProtocolError;
    case AMQP_STATUS_OK:
    case AMQP_STATUS_NO_MEMORY:
    case AMQP_STATUS_BAD_URL:
    case AMQP_STATUS_INVALID_PARAMETER:
    case AMQP_STATUS_TIMER_FAILURE:
    case AMQP_STATUS_SOCKET_INUSE:
    case AMQP_STATUS_UNSUPPORTED:
    case AMQP_STATUS_TCP_SOCKETLIB_INIT_ERROR:
    case _AMQP_STATUS_NEXT_VALUE:
    case _AMQP_STATUS_TCP_NEXT_VALUE:
    case _AMQP_STATUS_SSL_NEXT_VALUE: return codes::kInternal;
  }
  return codes::kInternal;
}

Error error_of_reply(std::string_view what, int reply_code, std::string_view reply_text) {
  return Error(code_of_reply(reply_code), std::string(what) + ": the broker says \"" + std::string(reply_text) +
                                              "\" (" + std::to_string(reply_code) + ")");
}

Error error_of_status(std::string_view what, int status) {
  return Error(code_of_status(status), std::string(what) + ": " + amqp_error_string2(status));
}

}  // namespace penstock::rabbitmq
