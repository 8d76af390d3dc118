// A slot's stream, counted, or each row handed to librdkafka: as it comes, before its transaction is known to commit,
// or, as whoever keeps the order of commits has to, once it has committed. It keeps nothing on disk and confirms
// nothing: a limit, not a design.
#include <array>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "bench/bare_producer.h"
#include "bench/commands.h"
#include "bench/wal/bare_stream.h"
#include "connectors/outbox/cell_text.h"
#include "connectors/wal/pgoutput.h"

namespace penstock::bench {
namespace {

// Columns of the outbox, in their order.
constexpr std::size_t kId = 1, kCategory = 2, kKey = 3, kType = 4, kPayload = 5, kCreatedAt = 6, kColumns = 7;

void produce(BareProducer& producer, const wal::InsertMessage& insert, wal::Lsn at) {
  std::array<std::string_view, kColumns> values;
  wal::Tuple::Reader reader(insert.row);
  for (auto& value : values) value = reader.next().bytes;
  const std::string stream = std::string(values[kCategory]).append("-").append(values[kKey]);
  const std::string place = wal::to_string(at);
  producer.produce({.key = values[kKey],
                    .type = values[kType],
                    .stream = stream,
                    .content_type = "application/json",
                    .value = values[kPayload],
                    .id = *EventId::parse(values[kId]),
                    .occurred_at = *outbox::time_of(outbox::Cell::text(values[kCreatedAt])),
                    .version = {},
                    .position = {},
                    .source_position = place});
}

// Rows of the transaction that is coming in. Knows nothing of transactions beside each other or rolled back.
class Held {
 public:
  void keep(const BareStream::Piece& piece, wal::PgoutputDecoder::Within within) {
    rows_.push_back({piece.at, within, bytes_.size(), piece.message.size()});
    bytes_ += piece.message;
  }
  std::int64_t hand_out(BareProducer* producer) {
    for (const Row& row : rows_) {
      const auto message =
          wal::PgoutputDecoder::decode_one(std::string_view(bytes_).substr(row.begin, row.size), row.within);
      if (producer != nullptr) produce(*producer, std::get<wal::InsertMessage>(message->body), row.at);
    }
    const auto events = static_cast<std::int64_t>(rows_.size());
    rows_.clear();
    bytes_.clear();
    return events;
  }

 private:
  struct Row {
    wal::Lsn at;
    wal::PgoutputDecoder::Within within;
    std::size_t begin, size;
  };
  std::vector<Row> rows_;
  std::string bytes_;
};

bool is_commit(const wal::Message& message) {
  return std::holds_alternative<wal::CommitMessage>(message.body) ||
         std::holds_alternative<wal::StreamCommitMessage>(message.body);
}

}  // namespace

int run_bare_wal(const Arguments& arguments) {
  std::optional<BareProducer> producer;
  if (arguments.has("topic"))
    producer.emplace(arguments.text("brokers"), arguments.text("topic"), arguments.number("linger"));
  // At a steady rate there is no backlog to gather.
  const auto idle = arguments.number("waits", 0) == 1 ? BareStream::Idle::kWaits : BareStream::Idle::kNaps;
  BareStream stream(arguments.text("url"), arguments.text("slot"), arguments.text("publication"), idle);
  const std::int64_t wanted = arguments.number("events");
  const bool holds = arguments.number("holds", 0) == 1;
  wal::PgoutputDecoder decoder;
  Held held;
  for (std::int64_t events = 0; events < wanted;) {
    const BareStream::Piece piece = stream.next();
    const auto message = decoder.decode(piece.message);
    if (!message) throw std::runtime_error(std::string(message.error().what));
    if (is_commit(*message)) events += held.hand_out(producer ? &*producer : nullptr);
    const auto* insert = std::get_if<wal::InsertMessage>(&message->body);
    if (insert == nullptr) continue;
    if (holds) {
      held.keep(piece,
                message->xid ? wal::PgoutputDecoder::Within::kStream : wal::PgoutputDecoder::Within::kTransaction);
      continue;
    }
    if (producer) produce(*producer, *insert, piece.at);
    ++events;
  }
  if (producer) producer->finish();
  std::cout << "{\"events\": " << wanted << "}\n";
  return 0;
}

}  // namespace penstock::bench
