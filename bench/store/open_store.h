// A store as the program opens it, by its URL.
#pragma once

#include <memory>

#include "bench/arguments.h"
#include "core/log.h"
#include "store/store.h"

namespace penstock::bench {

// Warnings and errors only.
class StandardErrorLog final : public Log {
 public:
  bool enabled(LogLevel level) const override { return level >= LogLevel::kWarn; }
  void write(LogLevel level, std::string_view component, std::string_view code, std::string_view message,
             std::initializer_list<LogField>) override;
};

// --store is the URL. Throws std::runtime_error.
std::unique_ptr<store::Store> open_store(const Arguments& arguments, Log& log, store::StoreSettings settings = {});

}  // namespace penstock::bench
