#include "connectors/outbox/row_size.h"

namespace penstock::outbox {

bool is_too_large(const RowSize& size, std::size_t event_bytes) {
  return size.payload > event_bytes || size.others > event_bytes + kOtherColumnsBytes;
}

std::string words_of_too_large(const RowSize& size, std::size_t event_bytes) {
  if (size.payload > event_bytes)
    return "the payload has " + std::to_string(size.payload) + " bytes, and [limits] event_bytes allows " +
           std::to_string(event_bytes);
  if (!is_too_large(size, event_bytes))
    return "it has more bytes than the " + std::to_string(event_bytes) + " of [limits] event_bytes allow";
  return "what stands beside the payload has " + std::to_string(size.others) + " bytes, and [limits] event_bytes and " +
         std::to_string(kOtherColumnsBytes) + " more allow " + std::to_string(event_bytes + kOtherColumnsBytes);
}

}  // namespace penstock::outbox
