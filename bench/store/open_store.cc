#include "bench/store/open_store.h"

#include <iostream>
#include <stdexcept>

#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"

namespace penstock::bench {

void StandardErrorLog::write(LogLevel level, std::string_view component, std::string_view code,
                             std::string_view message, std::initializer_list<LogField>) {
  if (enabled(level)) std::cerr << component << ": " << message << " [" << code << "]\n";
}

std::unique_ptr<store::Store> open_store(const Arguments& arguments, Log& log, store::StoreSettings settings) {
  const std::string url = arguments.text("store");
  settings.url = Secret(url);
  if (url.starts_with("sqlite:")) return store::sqlite::make_sqlite_store(settings);
  auto made = store::postgres::make_postgres_store(std::move(settings), "bench", log);
  if (!made) throw std::runtime_error(made.error().describe());
  return *std::move(made);
}

}  // namespace penstock::bench
