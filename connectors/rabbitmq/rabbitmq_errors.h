// What the broker's reply codes and the library's statuses mean to us.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::rabbitmq {

// Reply codes of AMQP 0-9-1 (section 1.2 of its reference) as RabbitMQ uses them.
enum class Reply : int {
  kSuccess = 200,
  kContentTooLarge = 311,
  kNoRoute = 312,
  kNoConsumers = 313,
  kConnectionForced = 320,
  kInvalidPath = 402,
  kAccessRefused = 403,
  kNotFound = 404,
  kResourceLocked = 405,
  kPreconditionFailed = 406,
  kFrameError = 501,
  kSyntaxError = 502,
  kCommandInvalid = 503,
  kChannelError = 504,
  kUnexpectedFrame = 505,
  kResourceError = 506,
  kNotAllowed = 530,
  kNotImplemented = 540,
  kInternalError = 541,
};

// Of a code that the list above doesn't hold: rabbitmq.protocol_error.
const ErrorCode& code_of_reply(int reply_code);

// Of a librabbitmq status (negative; amqp_status_enum).
const ErrorCode& code_of_status(int status);

// "<what>: <the broker's words> (404)". The broker's words name exchanges and users, no payload.
Error error_of_reply(std::string_view what, int reply_code, std::string_view reply_text);
Error error_of_status(std::string_view what, int status);

}  // namespace penstock::rabbitmq
