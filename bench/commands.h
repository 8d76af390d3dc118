// The commands of penstock-bench; each prints one line of JSON and returns an exit code.
#pragma once

#include "bench/arguments.h"

namespace penstock::bench {

// The limits: what a bare program needs for the same work. None of them survives a crash.
int run_bare_client(const Arguments& arguments);  // records out of memory → librdkafka
int run_bare_store(const Arguments& arguments);   // COPY of the store's events → librdkafka
int run_bare_outbox(const Arguments& arguments);  // DELETE … RETURNING in batches → librdkafka

// Runs the command behind `--` and waits until a topic holds --events records; then ends it.
int time_command(const Arguments& arguments);
// Runs the command behind `--`, commits --rate rows a second and measures commit → consumer.
int measure_latency(const Arguments& arguments);
// Creates --topic with --partitions.
int make_topic(const Arguments& arguments);

}  // namespace penstock::bench
