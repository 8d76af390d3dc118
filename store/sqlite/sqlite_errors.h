// The one place that says what a result code of SQLite means.
// Source of the codes: https://www.sqlite.org/rescode.html
#pragma once

#include <string>

#include "core/error.h"

struct sqlite3;

namespace penstock::store::sqlite {

// `code` is a primary or an extended result code that is no success.
const ErrorCode& code_for(int code);

// Whether a connection that met this is closed, so that the next call opens a new one.
enum class AfterError { kKeepConnection, kReopen };
AfterError after_error(int code);

// "<where>: <SQLite's words> (SQLite <number>)". `connection` may be null.
Error make_error(int code, sqlite3* connection, const std::string& where);

}  // namespace penstock::store::sqlite
