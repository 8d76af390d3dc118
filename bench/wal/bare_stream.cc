#include "bench/wal/bare_stream.h"

#include <poll.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "connectors/wal/replication_frames.h"

namespace penstock::bench {
namespace {

constexpr std::chrono::microseconds kNap{300};
constexpr int kPatienceMs = 60'000;  // the server says twice a minute that it is there

Connection connect_for_replication(const std::string& url) {
  const char* const names[] = {"dbname", "replication", nullptr};
  const char* const values[] = {url.c_str(), "database", nullptr};
  Connection connection(PQconnectdbParams(names, values, 1));
  if (PQstatus(connection.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  return connection;
}

}  // namespace

BareStream::BareStream(const std::string& url, const std::string& slot, const std::string& publication, Idle idle)
    : idle_(idle), connection_(connect_for_replication(url)) {
  const std::string command = "START_REPLICATION SLOT " + slot +
                              " LOGICAL 0/0 (proto_version '2', streaming 'on', publication_names '" + publication +
                              "')";
  checked(connection_.get(), PQexec(connection_.get(), command.c_str()), PGRES_COPY_BOTH);
}

std::string_view BareStream::next_frame() {
  for (;;) {
    PQfreemem(frame_);
    frame_ = nullptr;
    const int bytes = PQgetCopyData(connection_.get(), &frame_, 1);
    if (bytes > 0) return {frame_, static_cast<std::size_t>(bytes)};
    if (bytes < 0) throw std::runtime_error(PQerrorMessage(connection_.get()));
    if (PQconsumeInput(connection_.get()) == 0) throw std::runtime_error(PQerrorMessage(connection_.get()));
    const int more = PQgetCopyData(connection_.get(), &frame_, 1);
    if (more > 0) return {frame_, static_cast<std::size_t>(more)};
    idle();
  }
}

void BareStream::idle() const {
  if (idle_ == Idle::kNaps) return std::this_thread::sleep_for(kNap);
  pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
  if (poll(&socket, 1, kPatienceMs) == 0) throw std::runtime_error("the server is silent");
}

BareStream::Piece BareStream::next() {
  for (;;) {
    const auto frame = wal::decode_frame(next_frame());
    if (!frame) throw std::runtime_error(std::string(frame.error().what));
    if (const auto* data = std::get_if<wal::XLogData>(&*frame)) return {data->start, data->payload};
    const auto& keepalive = std::get<wal::Keepalive>(*frame);
    if (keepalive.reply == wal::Keepalive::Reply::kNow) confirm({});
  }
}

void BareStream::confirm(wal::Lsn end) {
  const std::string status = wal::encode_status({end, end, end}, 0);
  if (PQputCopyData(connection_.get(), status.data(), static_cast<int>(status.size())) != 1 ||
      PQflush(connection_.get()) < 0)
    throw std::runtime_error(PQerrorMessage(connection_.get()));
}

}  // namespace penstock::bench
