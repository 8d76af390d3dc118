#include "connectors/kafka/kafka_sink.h"

#include <algorithm>
#include <mutex>

#include "connectors/kafka/kafka_inspect.h"
#include "connectors/kafka/native_wire.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/producer_conf.h"

namespace penstock::kafka {
namespace {

using connectors::Sink;
using connectors::SinkState;
using connectors::Submitted;

class KafkaSink final : public Sink {
 public:
  KafkaSink(KafkaSettings settings, const connectors::SinkLimits& limits, std::string client_id, Producer::Parts parts)
      : settings_(std::move(settings)), limits_(limits), client_id_(std::move(client_id)), parts_(std::move(parts)) {}

  connectors::LaterMayPass later_may_pass() const override { return connectors::LaterMayPass::kNo; }

  Status open(Deadline deadline, std::stop_token stop) override {
    if (producer_ && producer_->state().phase == SinkState::Phase::kBroken) recover();
    if (!producer_) {
      if (auto started = start(); !started) return started;
    }
    return producer_->reach(deadline, stop);
  }

  Submitted submit(connectors::Ticket ticket, const connectors::Message& message) override {
    if (!producer_) return Submitted::kFull;
    const Submitted submitted = producer_->submit(ticket, message);
    if (to_isolate_ > 0 && submitted == Submitted::kAccepted && --to_isolate_ == 0) {
      producer_->finish(Error(codes::kKafkaDropped, "the records of a refused batch were sent one by one"));
    }
    return submitted;
  }

  void flush() override {
    if (producer_) producer_->flush();
  }

  Drained drain(Deadline deadline) override { return producer_ ? producer_->drain(deadline) : Drained::kAll; }

  void abandon() override {
    if (producer_) producer_->abandon();
  }

  SinkState state() const override {
    std::lock_guard lock(mutex_);
    return producer_ ? producer_->state() : SinkState{};
  }

 private:
  void recover();
  void learn_from(const RefusedBatch& batch);
  Status start();
  void replace(std::unique_ptr<Producer> producer);

  const KafkaSettings settings_;
  const connectors::SinkLimits limits_;
  const std::string client_id_;
  const Producer::Parts parts_;
  BatchLimits batches_;
  std::size_t to_isolate_ = 0;  // records that go one by one, until the refused one is found
  // Replaced by the submitting thread only, under the mutex, because state() looks from any.
  mutable std::mutex mutex_;
  std::unique_ptr<Producer> producer_;
};

// By now every accepted message has had its outcome.
void KafkaSink::recover() {
  const bool isolated = batches_.records.has_value();
  if (const auto batch = producer_->refused_batch()) {
    learn_from(*batch);
  } else if (isolated) {
    batches_.records.reset();
    to_isolate_ = 0;
  } else if (producer_->can_resume()) {
    producer_->resume();
    return;
  }
  replace(nullptr);
}

void KafkaSink::learn_from(const RefusedBatch& batch) {
  if (batch.because == RefusedBatch::Because::kSize) {
    batches_.bytes = static_cast<int>(std::max<std::size_t>(batch.bytes / 2, 1));
    const std::string bytes = std::to_string(*batches_.bytes);
    parts_.log.write(LogLevel::kWarn, "kafka", codes::kKafkaMessageTooLarge.name,
                     "the broker refuses a batch that is larger than max.message.bytes of its topic; sending smaller "
                     "ones. Set batch.size in [sink.options] below that limit",
                     {{"client", client_id_}, {"batch_size", bytes}});
    return;
  }
  batches_.records = 1;
  to_isolate_ = batch.records;
  parts_.log.write(LogLevel::kWarn, "kafka", codes::kKafkaRejected.name,
                   "the broker refuses a batch for a record in it; sending them one by one to find it",
                   {{"client", client_id_}});
}

Status KafkaSink::start() {
  auto conf = producer_conf(settings_, limits_, batches_, client_id_);
  if (!conf) return fail(std::move(conf.error()));
  auto producer = Producer::start(std::move(*conf), parts_);
  if (!producer) return fail(std::move(producer.error()));
  replace(std::move(*producer));
  return {};
}

void KafkaSink::replace(std::unique_ptr<Producer> producer) {
  {
    std::lock_guard lock(mutex_);
    producer_.swap(producer);
  }
  // The old one ends here, without the lock: its thread may be waiting for an answer.
}

connectors::RouteTemplates templates(const Section&, const Section& route) {
  const std::string& topic = route.text("topic");
  return {.destination = topic.empty() ? "outbox.event.{category}" : topic, .routing_key = {}};
}

Result<std::unique_ptr<Sink>> make(const Section& sink, const connectors::SinkRoute& route,
                                   const connectors::Surroundings& surroundings,
                                   connectors::OutcomeListener& listener) {
  return make_kafka_sink(read_settings(sink), route, surroundings, listener);
}

}  // namespace

std::unique_ptr<Sink> make_kafka_sink(KafkaSettings settings, const connectors::SinkRoute& route,
                                      const connectors::Surroundings& surroundings,
                                      connectors::OutcomeListener& listener) {
  std::string client_id = surroundings.instance + "." + std::string(route.name);
  Producer::Parts parts{listener,         surroundings.log, surroundings.clock,
                        settings.brokers, client_id,        settings.most_topics};
  return std::make_unique<KafkaSink>(std::move(settings), route.limits, std::move(client_id), std::move(parts));
}

const connectors::SinkKind& sink_kind() {
  static const connectors::WireProfile* const kProfiles[] = {&native_wire()};
  static const connectors::SinkKind kKind{
      .name = "kafka",
      .title = "Apache Kafka and what speaks its protocol",
      .sink_fields = sink_fields(),
      .route_fields = route_fields(),
      .wire_profiles = kProfiles,
      .check = check_settings,
      .check_route = check_route,
      .templates = templates,
      .make = make,
      .inspect = inspect,
  };
  return kKind;
}

}  // namespace penstock::kafka
