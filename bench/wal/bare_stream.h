// A slot's stream as a bare program reads it: whatever has arrived at once, and a short nap where nothing has.
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
  BareStream(const std::string& url, const std::string& slot, const std::string& publication);
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

  Connection connection_;
  char* frame_ = nullptr;
};

}  // namespace penstock::bench
