// The two ends of a latency: how an event is written, and where it is seen. What lies between them is measured.
// Errors are std::runtime_error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/arguments.h"

namespace penstock::bench {

// Of one thread.
class Writer {
 public:
  virtual ~Writer() = default;
  // Returns once the row is committed, or the record handed over.
  virtual void write(const std::string& key, const std::string& payload) = 0;
};

// Of one thread.
class Arrivals {
 public:
  virtual ~Arrivals() = default;
  // Numbers of the events that have arrived since; waits for some, and throws where none come.
  virtual std::vector<std::size_t> next() = 0;
};

// Rows of --table where there is a --url and a --table, else records of --topic.
std::unique_ptr<Writer> make_writer(const Arguments& arguments);
// A bare reader of --slot where there is one, else a consumer of --topic.
std::unique_ptr<Arrivals> make_arrivals(const Arguments& arguments);

// What is written as event `number`, and the number in what has arrived.
std::string numbered_payload(std::size_t number, const std::string& pad);
std::size_t number_in_payload(std::string_view payload);

}  // namespace penstock::bench
