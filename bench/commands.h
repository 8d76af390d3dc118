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

// The store through its contract: --events in requests of --batch by --clients that each wait for their answer.
int append_to_store(const Arguments& arguments);
int read_from_store(const Arguments& arguments);
// penstock.append of --clients, while this process gives positions.
int append_by_sql(const Arguments& arguments);
// One such append now and then, and the cost of waiting for them.
int measure_wake_up(const Arguments& arguments);

// The limits of the store, into a table that has its columns and indexes.
int copy_into_bare_table(const Arguments& arguments);    // COPY in binary, a batch a transaction
int insert_into_bare_table(const Arguments& arguments);  // one INSERT a transaction
int insert_under_one_lock(const Arguments& arguments);   // "advisory lock first, then insert", in one round trip
int copy_out_of_store(const Arguments& arguments);       // COPY TO of all events
int insert_into_bare_file(const Arguments& arguments);   // SQLite

// The limits of reading the log: a slot's stream, counted, or → librdkafka where there is a --topic.
int run_bare_wal(const Arguments& arguments);
// The same stream through the source's contract.
int read_from_wal(const Arguments& arguments);
// Runs the command behind `--` until it ends or --slot is confirmed beyond --until.
int time_slot(const Arguments& arguments);

// Creates --topic with --partitions.
int make_topic(const Arguments& arguments);

}  // namespace penstock::bench
