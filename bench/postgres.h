// libpq as a bare program uses it. Errors are std::runtime_error with the server's words.
#pragma once

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"

namespace penstock::bench {

struct Ended {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Ended>;
using ResultSet = std::unique_ptr<PGresult, Ended>;

inline Connection connect(const std::string& url) {
  Connection connection(PQconnectdb(url.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  return connection;
}

inline ResultSet checked(PGconn* connection, PGresult* result, ExecStatusType expected) {
  ResultSet owned(result);
  if (PQresultStatus(result) != expected) throw std::runtime_error(PQerrorMessage(connection));
  return owned;
}

// Big-endian numbers of the binary formats.
inline std::uint64_t big_endian(const char* bytes, int size) {
  std::uint64_t number = 0;
  for (int i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

inline std::int64_t number_in(std::string_view field) {
  return static_cast<std::int64_t>(big_endian(field.data(), static_cast<int>(field.size())));
}

// timestamptz counts microseconds from 2000-01-01.
inline Timestamp timestamp_in(std::string_view field) {
  return Timestamp(std::chrono::microseconds(number_in(field) + 946'684'800'000'000));
}

inline EventId id_in(std::string_view field) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(field.begin(), field.end(), bytes.begin());
  return EventId(bytes);
}

}  // namespace penstock::bench
