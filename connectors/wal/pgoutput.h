// The messages of Postgres's output plugin `pgoutput`, protocol versions 1 and 2 ("Logical Replication
// Message Formats" in its documentation). Pure: bytes in, a message of views into them out.
//
// Nothing is trusted: a message that is cut short, has a length that leads beyond it, bytes left over
// or an unknown type is an error with its offset, never a read past the end. Nothing is allocated but
// the columns of a Relation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "connectors/wal/lsn.h"
#include "connectors/wal/wire_reader.h"

namespace penstock::wal {

// Number of a transaction or of one of its sub-transactions.
using Xid = StrongNumber<struct XidTag, std::uint32_t>;

// Values of one row, checked when the message was decoded.
class Tuple {
 public:
  struct Value {
    enum class Is {
      kNull,
      kUnchanged,  // a large value that an UPDATE left as it is, and that was not sent
      kText,
      kBinary,
      kCut,  // a long value that the FrameReader left out, but for its first bytes
    } is = Is::kNull;
    std::string_view bytes;
    std::size_t length = bytes.size();  // as it was sent
  };

  // Hands out the values one after the other, exactly columns() of them.
  class Reader {
   public:
    explicit Reader(const Tuple& tuple) : reader_(tuple.values_) {}
    Value next();

   private:
    WireReader reader_;
  };

  std::size_t columns() const { return columns_; }
  // The bytes of all values, as they were sent.
  std::string_view values() const { return values_; }

 private:
  friend class PgoutputDecoder;
  std::size_t columns_ = 0;
  std::string_view values_;
};

struct RelationColumn {
  bool is_key = false;  // of the replica identity
  std::string_view name;
  std::uint32_t type = 0;  // oid of pg_type
  std::int32_t modifier = -1;
};

struct BeginMessage {
  Lsn commit;                    // where the commit record starts
  std::int64_t commit_time = 0;  // microseconds since 2000-01-01 UTC
  Xid xid;
};
struct CommitMessage {
  Lsn commit, end;
  std::int64_t commit_time = 0;
};
struct OriginMessage {
  Lsn commit;
  std::string_view name;
};
struct RelationMessage {
  std::uint32_t oid = 0;
  std::string_view schema;  // empty: pg_catalog
  std::string_view name;
  char replica_identity = 'd';
  std::vector<RelationColumn> columns;
};
struct TypeMessage {
  std::uint32_t oid = 0;
  std::string_view schema, name;
};
struct InsertMessage {
  std::uint32_t relation = 0;
  Tuple row;
};
struct UpdateMessage {
  std::uint32_t relation = 0;
  enum class Old { kNone, kKey, kRow } old = Old::kNone;
  Tuple old_row, row;
};
struct DeleteMessage {
  std::uint32_t relation = 0;
  enum class Old { kKey, kRow } old = Old::kKey;
  Tuple old_row;
};
struct TruncateMessage {
  std::uint8_t options = 0;  // 1 cascade, 2 restart identity
  std::uint32_t relations = 0;
  std::string_view oids;  // four bytes each
};
// What pg_logical_emit_message wrote.
struct LogicalMessage {
  enum class Kind { kTransactional, kImmediate } kind = Kind::kTransactional;
  Lsn lsn;
  std::string_view prefix, content;
};
// From here to StreamStop: a piece of a transaction that is still running.
struct StreamStartMessage {
  Xid xid;
  enum class Segment { kFirst, kLater } segment = Segment::kFirst;
};
struct StreamStopMessage {};
struct StreamCommitMessage {
  Xid xid;
  Lsn commit, end;
  std::int64_t commit_time = 0;
};
// The sub-transaction `sub` of `xid` was rolled back; all of it when both are the same.
struct StreamAbortMessage {
  Xid xid, sub;
};

struct Message {
  // Of the (sub-)transaction that a message inside a stream belongs to.
  std::optional<Xid> xid;
  std::variant<BeginMessage, CommitMessage, OriginMessage, RelationMessage, TypeMessage, InsertMessage, UpdateMessage,
               DeleteMessage, TruncateMessage, LogicalMessage, StreamStartMessage, StreamStopMessage,
               StreamCommitMessage, StreamAbortMessage>
      body;
};

struct DecodeError {
  std::size_t offset;
  std::string_view what;  // static text
};

// In the place of a long value that was left out: this, its length as of any value, and its first bytes.
inline constexpr char kCutValue = 'x';
inline constexpr std::size_t kCutValueStart = 2;

// Knows whether it is inside a stream, because messages there have one field more. Single-threaded.
class PgoutputDecoder {
 public:
  // kCut: rows may have values that were left out. A server sends none.
  enum class Form : std::uint8_t { kWhole, kCut };
  // One message: the payload of one XLogData. After an error the stream is of no use any more.
  tl::expected<Message, DecodeError> decode(std::string_view bytes, Form form = Form::kWhole);
  // One message that stood inside or outside of a stream, whatever came before.
  enum class Within { kTransaction, kStream };
  static tl::expected<Message, DecodeError> decode_one(std::string_view bytes, Within within, Form form = Form::kWhole);

  Within within() const { return within_; }

 private:
  static bool read_tuple(WireReader& reader, Form form, Tuple& tuple);
  static bool read_body(WireReader& reader, char type, Form form, Message& message, std::string_view& wrong);

  Within within_ = Within::kTransaction;
};

}  // namespace penstock::wal
