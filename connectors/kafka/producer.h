// One librdkafka producer, from its making to its end, and the thread that reads its events.
//
// It lives until something fails that the order of a key could suffer from. Then it is *ending*: it
// takes nothing more, reports what is still out, and is replaced. Only for this room.
//
// Threads: calls come from one thread of the relay; state() and outstanding() from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "connectors/kafka/client_log.h"
#include "connectors/kafka/delivery_reader.h"
#include "connectors/kafka/first_contact.h"
#include "connectors/kafka/handles.h"
#include "connectors/kafka/kafka_record.h"
#include "connectors/sink.h"

namespace penstock::kafka {

class Producer {
 public:
  struct Parts {
    connectors::OutcomeListener& listener;
    Log& log;
    const Clock& clock;
    std::string brokers;  // for messages
    std::string client_id;
    std::size_t most_topics;  // of one producer; another one begins behind that
  };

  static Result<std::unique_ptr<Producer>> start(Conf conf, const Parts& parts);
  ~Producer();  // reports nothing any more
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Waits until a broker answers. Errors: kafka.unavailable, kafka.authentication_failed, core.stopped.
  Status reach(Deadline deadline, std::stop_token stop);

  connectors::Submitted submit(connectors::Ticket ticket, const connectors::Message& message);
  // Sends what librdkafka holds back for a larger batch: at once while few records are out, else within
  // a few milliseconds, because under load a larger batch is worth more.
  void flush();
  connectors::Sink::Drained drain(Deadline deadline);
  void abandon();
  // Takes nothing more; what is out is still delivered, then it is kBroken for this reason.
  void finish(Error why);

  connectors::SinkState state() const;
  std::size_t outstanding() const { return outstanding_.load(); }

  // Whether it ended though nothing that was sent failed (a message was refused before, or finish()):
  // then it can go on once nothing is out.
  bool can_resume() const { return course_.load() == Course::kFinishing && outstanding() == 0 && !knows_most_topics(); }
  void resume();

  // Of the failure that ended it.
  std::optional<RefusedBatch> refused_batch() const;

 private:
  enum class Course {
    kOpen,
    kFinishing,  // takes nothing more; what is out is still delivered
    kDropping,   // takes nothing more; what is not sent is dropped
    kPurging,    // what is on its way is dropped too
  };

  Producer(Handle client, const Parts& parts);

  // Of the thread that submits.
  struct Destination {
    FirstContact contact;
    Topic handle;
  };
  bool knows_most_topics() const { return destinations_.size() >= parts_.most_topics; }
  bool is_one_topic_too_many(std::string_view name) const {
    return knows_most_topics() && !destinations_.contains(name);
  }
  Destination* destination(std::string_view name);
  rd_kafka_resp_err_t produce(rd_kafka_topic_t* topic, const RecordParts& record, rd_kafka_headers_t* headers,
                              connectors::Ticket ticket);
  void fail_locally(connectors::Ticket ticket, rd_kafka_resp_err_t error, std::string_view topic);

  // Of the thread that reads events.
  void serve(const std::stop_token& stop);
  int next_tick() const;
  void flush_when_due();
  void on_event(EventHandle event);
  void on_deliveries(EventHandle event);
  void on_error(rd_kafka_event_t* event);
  void on_fatal();
  void end_locally();
  void report(const std::vector<connectors::DeliveryReport>& reports);
  void look_after();
  void look_for_brokers();
  void look_for_stall();
  void drop_unsent();
  void heal();

  void end(Course course, std::shared_ptr<const Error> why);
  void tell_phase(connectors::SinkState::Phase phase, std::shared_ptr<const Error> why);

  // Of both.
  enum class Changed { kYes, kNo };
  Changed set_phase(connectors::SinkState::Phase phase, std::shared_ptr<const Error> why);
  void raise(Course course);
  bool in_phase(connectors::SinkState::Phase phase) const;
  void wake() { rd_kafka_queue_yield(events_.get()); }

  const Parts parts_;
  ClientLog client_log_;
  // The client calls a destination's partitioner until its end, so destinations outlive it; their
  // topic handles don't.
  std::map<std::string, Destination, std::less<>> destinations_;
  std::pair<std::string_view, Destination*> last_destination_;
  Handle client_;
  Queue events_;

  std::atomic<std::size_t> outstanding_{0};
  std::atomic<Course> course_{Course::kOpen};
  std::atomic<bool> flush_wanted_{false};

  mutable std::mutex mutex_;
  std::condition_variable settled_;
  // Under mutex_:
  connectors::SinkState state_;
  std::vector<connectors::DeliveryReport> local_failures_;
  std::shared_ptr<const Error> local_end_;
  std::optional<Error> trouble_;  // the last word about the connection
  std::optional<RefusedBatch> refused_batch_;

  // Of the thread that reads events:
  DeliveryReader reader_;
  enum class Doubt { kNone, kBrokersGone } doubt_ = Doubt::kNone;
  SteadyTime last_progress_, last_look_;
  std::optional<SteadyTime> dropping_since_;
  std::optional<Deadline> flush_due_;

  std::jthread thread_;  // last: ends first
};

}  // namespace penstock::kafka
