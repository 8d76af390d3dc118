// What is told of an error of the server. Its words may quote data, or be those of a function of the service; such
// ones stay in the server's log. Pure.
#pragma once

#include <string>
#include <string_view>

namespace penstock::store::postgres {

// The fields of an answer (PG_DIAG_…); empty where the server gave none.
struct ServerError {
  std::string sqlstate;
  std::string primary;  // message
  std::string column, constraint;
  std::string context;          // what was called when it happened, one a line, the last call first
  std::string source_function;  // of the server
  std::string inner_query;      // that a function has run
};

// One line, with the SQLSTATE, and where else the words are if they are kept back.
std::string words_of(const ServerError& error);

// Without line breaks and tabs.
std::string on_one_line(std::string_view text);

}  // namespace penstock::store::postgres
