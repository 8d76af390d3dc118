// A sequence of pgoutput messages, each behind its length in four bytes.
#include "connectors/wal/wire_reader.h"
#include "tests/fuzz/pgoutput_views.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  penstock::wal::WireReader reader({reinterpret_cast<const char*>(data), size});
  penstock::wal::PgoutputDecoder decoder;
  while (!reader.at_end()) {
    const std::string_view bytes = reader.bytes(reader.uint32());
    if (reader.failed()) break;
    const auto message = decoder.decode(bytes);
    if (!message) break;
    penstock::fuzz::demand_views_inside(*message, bytes);
  }
  return 0;
}
