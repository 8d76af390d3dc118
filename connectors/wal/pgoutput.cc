#include "connectors/wal/pgoutput.h"

namespace penstock::wal {
namespace {

constexpr std::string_view kCutShort = "the message is cut short";
constexpr std::string_view kLeftOver = "bytes are left over behind the message";
constexpr std::string_view kUnknownType = "the type of the message is unknown";
constexpr std::string_view kUnknownFlag = "a flag of the message is unknown";
constexpr std::string_view kUnknownValue = "a row has a value of an unknown kind";

Lsn lsn(WireReader& reader) { return Lsn{reader.uint64()}; }
Xid xid(WireReader& reader) { return Xid{reader.uint32()}; }

bool may_stand_in_stream(char type) { return std::string_view("ORYIUDTME").find(type) != std::string_view::npos; }
bool carries_xid(char type) { return std::string_view("RYIUDTM").find(type) != std::string_view::npos; }

}  // namespace

Tuple::Value Tuple::Reader::next() {
  switch (static_cast<char>(reader_.byte())) {
    case 'n': return {Value::Is::kNull, {}};
    case 'u': return {Value::Is::kUnchanged, {}};
    case 't': return {Value::Is::kText, reader_.bytes(static_cast<std::size_t>(reader_.int32()))};
    case kCutValue: {
      const auto length = static_cast<std::size_t>(reader_.int32());
      return {Value::Is::kCut, reader_.bytes(kCutValueStart), length};
    }
    default: return {Value::Is::kBinary, reader_.bytes(static_cast<std::size_t>(reader_.int32()))};
  }
}

bool PgoutputDecoder::read_tuple(WireReader& reader, Form form, Tuple& tuple) {
  tuple.columns_ = reader.uint16();
  const std::size_t first = reader.offset();
  for (std::size_t i = 0; i < tuple.columns_ && !reader.failed(); ++i) {
    const char kind = static_cast<char>(reader.byte());
    if (reader.failed() || kind == 'n' || kind == 'u') continue;
    const bool is_cut = form == Form::kCut && kind == kCutValue;
    if (kind != 't' && kind != 'b' && !is_cut) return false;
    const std::int32_t length = reader.int32();
    const std::size_t sent = length < 0 ? std::string_view::npos : static_cast<std::size_t>(length);
    reader.bytes(is_cut ? kCutValueStart : sent);
  }
  tuple.values_ = reader.between(first, reader.offset());
  return true;
}

bool PgoutputDecoder::read_body(WireReader& reader, char type, Form form, Message& message, std::string_view& wrong) {
  wrong = kUnknownFlag;
  switch (type) {
    case 'B': {
      const Lsn commit = lsn(reader);
      const std::int64_t time = reader.int64();
      message.body = BeginMessage{commit, time, xid(reader)};
      return true;
    }
    case 'C': {
      const std::uint8_t flags = reader.byte();
      const Lsn commit = lsn(reader), end = lsn(reader);
      message.body = CommitMessage{commit, end, reader.int64()};
      return flags == 0;
    }
    case 'O': {
      const Lsn commit = lsn(reader);
      message.body = OriginMessage{commit, reader.text()};
      return true;
    }
    case 'R': {
      RelationMessage relation;
      relation.oid = reader.uint32();
      relation.schema = reader.text();
      relation.name = reader.text();
      relation.replica_identity = static_cast<char>(reader.byte());
      const std::size_t columns = reader.uint16();
      for (std::size_t i = 0; i < columns && !reader.failed(); ++i) {
        RelationColumn& column = relation.columns.emplace_back();
        column.is_key = (reader.byte() & 1) != 0;
        column.name = reader.text();
        column.type = reader.uint32();
        column.modifier = reader.int32();
      }
      message.body = std::move(relation);
      return true;
    }
    case 'Y': {
      TypeMessage named;
      named.oid = reader.uint32();
      named.schema = reader.text();
      named.name = reader.text();
      message.body = named;
      return true;
    }
    case 'I': {
      InsertMessage insert;
      insert.relation = reader.uint32();
      if (reader.byte() != 'N' && !reader.failed()) return false;
      wrong = kUnknownValue;
      if (!read_tuple(reader, form, insert.row)) return false;
      message.body = insert;
      return true;
    }
    case 'U': {
      UpdateMessage update;
      update.relation = reader.uint32();
      char part = static_cast<char>(reader.byte());
      if (part == 'K' || part == 'O') {
        update.old = part == 'K' ? UpdateMessage::Old::kKey : UpdateMessage::Old::kRow;
        wrong = kUnknownValue;
        if (!read_tuple(reader, form, update.old_row)) return false;
        wrong = kUnknownFlag;
        part = static_cast<char>(reader.byte());
      }
      if (part != 'N' && !reader.failed()) return false;
      wrong = kUnknownValue;
      if (!read_tuple(reader, form, update.row)) return false;
      message.body = update;
      return true;
    }
    case 'D': {
      DeleteMessage removal;
      removal.relation = reader.uint32();
      const char part = static_cast<char>(reader.byte());
      if (part != 'K' && part != 'O' && !reader.failed()) return false;
      removal.old = part == 'K' ? DeleteMessage::Old::kKey : DeleteMessage::Old::kRow;
      wrong = kUnknownValue;
      if (!read_tuple(reader, form, removal.old_row)) return false;
      message.body = removal;
      return true;
    }
    case 'T': {
      TruncateMessage truncate;
      truncate.relations = reader.uint32();
      truncate.options = reader.byte();
      truncate.oids = reader.bytes(std::size_t{truncate.relations} * 4);
      message.body = truncate;
      return truncate.options <= 3;
    }
    case 'M': {
      LogicalMessage logical;
      const std::uint8_t flags = reader.byte();
      logical.kind = flags == 1 ? LogicalMessage::Kind::kTransactional : LogicalMessage::Kind::kImmediate;
      logical.lsn = lsn(reader);
      logical.prefix = reader.text();
      const std::int32_t length = reader.int32();
      logical.content = reader.bytes(length < 0 ? std::string_view::npos : static_cast<std::size_t>(length));
      message.body = logical;
      return flags <= 1;
    }
    case 'S': {
      StreamStartMessage start;
      start.xid = xid(reader);
      const std::uint8_t first = reader.byte();
      start.segment = first == 1 ? StreamStartMessage::Segment::kFirst : StreamStartMessage::Segment::kLater;
      message.body = start;
      return first <= 1;
    }
    case 'E': message.body = StreamStopMessage{}; return true;
    case 'c': {
      StreamCommitMessage commit;
      commit.xid = xid(reader);
      const std::uint8_t flags = reader.byte();
      commit.commit = lsn(reader);
      commit.end = lsn(reader);
      commit.commit_time = reader.int64();
      message.body = commit;
      return flags == 0;
    }
    case 'A': {
      const Xid whole = xid(reader);
      message.body = StreamAbortMessage{whole, xid(reader)};
      return true;
    }
    default: wrong = kUnknownType; return false;
  }
}

tl::expected<Message, DecodeError> PgoutputDecoder::decode_one(std::string_view bytes, Within within, Form form) {
  WireReader reader(bytes);
  const char type = static_cast<char>(reader.byte());
  if (reader.failed()) return tl::unexpected(DecodeError{0, kCutShort});
  if (within == Within::kStream && !may_stand_in_stream(type))
    return tl::unexpected(DecodeError{0, "the message must not stand inside a stream"});
  Message message;
  if (within == Within::kStream && carries_xid(type)) message.xid = xid(reader);
  std::string_view wrong;
  const bool understood = read_body(reader, type, form, message, wrong);
  if (reader.failed()) return tl::unexpected(DecodeError{reader.offset(), kCutShort});
  if (!understood) return tl::unexpected(DecodeError{reader.offset(), wrong});
  if (!reader.at_end()) return tl::unexpected(DecodeError{reader.offset(), kLeftOver});
  return message;
}

tl::expected<Message, DecodeError> PgoutputDecoder::decode(std::string_view bytes, Form form) {
  auto message = decode_one(bytes, within_, form);
  if (!message) return message;
  if (std::holds_alternative<StreamStartMessage>(message->body)) within_ = Within::kStream;
  if (std::holds_alternative<StreamStopMessage>(message->body)) {
    if (within_ != Within::kStream) return tl::unexpected(DecodeError{0, "a stream ends that has not begun"});
    within_ = Within::kTransaction;
  }
  return message;
}

}  // namespace penstock::wal
