// One message of pgoutput. The first byte says whether it stands inside of a stream.
#include "tests/fuzz/pgoutput_views.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Decoder = penstock::wal::PgoutputDecoder;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto within = data[0] % 2 == 0 ? Decoder::Within::kTransaction : Decoder::Within::kStream;
  const auto message = Decoder::decode_one(bytes, within);
  if (message)
    penstock::fuzz::demand_views_inside(*message, bytes);
  else
    penstock::fuzz::demand(message.error().offset <= bytes.size() && !message.error().what.empty());
  return 0;
}
