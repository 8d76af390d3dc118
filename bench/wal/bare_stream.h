// A slot's stream as a bare program reads it: whatever has arrived at once, and where nothing has, a short nap,
// which costs least behind a backlog, or a wait at the socket, which loses no time.
// Errors are std::runtime_error with the server's words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/postgres.h"
#include "connectors/wal/lsn.h"

namespace penstock::bench {

class BareStream {
 public:
  enum class Idle { kNaps, kWaits };
  BareStream(const std::string& url, const std::string& slot, const std::string& publication, Idle idle);
  ~BareStream() { PQfreemem(frame_); }
  BareStream(const BareStream&) = delete;
  BareStream& operator=(const BareStream&) = delete;

  struct Piece {
    wal::Lsn at;
    std::string_view message;  // of pgoutput; until the next call
  };
  Piece next();
  // Tells the server that everything up to here was taken.
  void confirm(wal::Lsn end);

 private:
  std::string_view next_frame();
  void idle() const;

  const Idle idle_;
  Connection connection_;
  char* frame_ = nullptr;
};

}  // namespace penstock::bench
