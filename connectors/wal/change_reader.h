// Makes events of the changes of a transaction: rows of the outbox table, or messages. Pure but for
// what it learns of relations on the way: changes must be read in the order of the log.
//
// Rows are mapped by connectors/outbox/row_mapping.h, so that an event is the same, byte for byte,
// whether its row was polled or read from the log. A message's content is a JSON object with the
// table's column names (its members are the columns), or such an object on a line of its own and then
// the payload as it is.
//
// Single-threaded. Errors: wal.protocol; outbox.table_missing when a mapped column is gone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/outbox/row_mapping.h"
#include "connectors/wal/pgoutput.h"
#include "connectors/wal/transactions.h"
#include "connectors/wal/wal_settings.h"
#include "core/json_members.h"

namespace penstock::wal {

// Of a row that is too large, a key or an id of so many bytes is kept, whose text may be hexadecimal.
inline constexpr std::size_t kLongestKept = 1'024;
inline constexpr std::size_t kLongestName = 2 + 2 * kLongestKept;

class ChangeReader {
 public:
  // Types of columns that the log names by a number only the catalogue can explain: domains, enums.
  using KnownTypes = std::map<std::string, outbox::ColumnType, std::less<>>;

  // The table as the catalogue has it at the opening.
  struct TableNow {
    std::uint32_t oid = 0;  // 0: not known. Its rows are ours also where the log has an earlier name for it.
    KnownTypes types;
    outbox::RowShape::Texts texts = outbox::RowShape::Texts::kUtf8;
  };

  ChangeReader(const WalSettings& settings, TableNow table);

  // What a message is to this source, at its arrival. kHeartbeat: perhaps of somebody else.
  enum class Meaning { kNothing, kRelation, kEvent, kHeartbeat };
  Result<Meaning> look_at(const Message& message);

  // Of a kept relation.
  Status learn(const Change& change);
  // Of one that learn() refused, where the table of today is right again: rows that were written under it become
  // malformed ones, for this reason.
  Status learn_unfit(const Change& change, const Error& why);
  // Of a kept event: adds it to the builder, or returns what is to be parked.
  Result<std::unique_ptr<connectors::MalformedRow>> read(const Change& change, const WalPosition& position,
                                                         EventBatchBuilder& builder);
  // What the id column of the row held that was read last, as the server wrote it; nullopt where it held
  // nothing, and for a message. Lives as long as the builder's batch.
  std::optional<std::string_view> row_id() const { return row_id_; }

 private:
  // A mapping over one set of columns.
  struct Mapped {
    outbox::RowShape shape;
    std::vector<bool> ignored;  // columns that no event is made of, as a poll doesn't read them
    outbox::RoleColumns roles;
    std::unique_ptr<outbox::RowMapping> mapping;  // null: the columns don't fit
    std::optional<Error> unfit;
  };
  struct Described {
    std::uint32_t oid = 0;
    std::string signature;
    outbox::RowShape shape;
  };
  Result<Described> describe(const Change& change) const;
  Result<Mapped*> mapped_for(std::string signature, outbox::RowShape shape);
  std::vector<bool> ignored_in(const outbox::RowShape& shape) const;

  outbox::ColumnType type_of(const RelationColumn& column) const;
  // The columns under which a row came.
  Result<const Mapped*> mapped_of(const InsertMessage& insert) const;
  // The parked row where it is too large; null where it is not, or may be something else. Looks before anything is
  // copied.
  Result<std::unique_ptr<connectors::MalformedRow>> park_too_large(const Change& change, EventBatchBuilder& builder);
  Result<std::unique_ptr<connectors::MalformedRow>> read_kept(const Change& change, EventBatchBuilder& builder);
  Result<std::unique_ptr<connectors::MalformedRow>> read_row(const InsertMessage& insert, EventBatchBuilder& builder);
  Result<std::unique_ptr<connectors::MalformedRow>> read_message(std::string_view content, EventBatchBuilder& builder);
  std::unique_ptr<connectors::MalformedRow> unreadable(std::string_view content, std::string reason) const;
  std::unique_ptr<connectors::MalformedRow> unfit(const Mapped& mapped) const;
  std::unique_ptr<connectors::MalformedRow> too_large(const outbox::RowSize& size, const Mapped& mapped) const;
  outbox::Cell cell_of(const Tuple::Value& value, outbox::ColumnType type, EventBatchBuilder& builder);
  outbox::Cell cell_of(const JsonMember& member, outbox::ColumnType type, EventBatchBuilder& builder);

  const WalSettings settings_;
  const TableNow table_;
  std::set<std::uint32_t> ours_;                       // relations of our table, as they arrived
  std::map<std::uint32_t, Mapped*> by_relation_;       // as they were learnt
  std::map<std::string, Mapped, std::less<>> mapped_;  // by names and types of the columns
  std::size_t columns_kept_ = 0;                       // in all of them
  std::vector<outbox::Cell> cells_;
  std::string place_, scratch_;
  std::optional<std::string_view> row_id_;
};

}  // namespace penstock::wal
