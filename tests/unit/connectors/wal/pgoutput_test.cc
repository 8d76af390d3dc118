#include "connectors/wal/pgoutput.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/captured_wal.h"

namespace penstock::wal {
namespace {

using tests::captured_wal;
using Within = PgoutputDecoder::Within;

template <typename Body>
std::vector<Body> all_of(const std::vector<std::string>& messages) {
  PgoutputDecoder decoder;
  std::vector<Body> found;
  for (const std::string& bytes : messages) {
    auto message = decoder.decode(bytes);
    if (!message) {
      ADD_FAILURE() << message.error().what << " at " << message.error().offset;
      break;
    }
    if (auto* body = std::get_if<Body>(&message->body)) found.push_back(std::move(*body));
  }
  return found;
}

std::string text_of(const Tuple& row) {
  std::string text;
  Tuple::Reader reader(row);
  for (std::size_t i = 0; i < row.columns(); ++i) {
    const auto value = reader.next();
    if (i > 0) text += '|';
    if (value.is == Tuple::Value::Is::kNull) text += '-';
    if (value.is == Tuple::Value::Is::kUnchanged) text += '=';
    text += value.bytes.substr(0, 40);
  }
  return text;
}

TEST(Pgoutput, ReadsARelationWithItsColumns) {
  const auto messages = captured_wal("all_kinds");
  const auto relations = all_of<RelationMessage>(messages);
  ASSERT_FALSE(relations.empty());
  const RelationMessage& outbox = relations.front();
  EXPECT_EQ(outbox.schema, "public");
  EXPECT_EQ(outbox.name, "outbox");
  EXPECT_EQ(outbox.replica_identity, 'd');
  ASSERT_EQ(outbox.columns.size(), 13u);
  EXPECT_EQ(outbox.columns[0].name, "seq");
  EXPECT_TRUE(outbox.columns[0].is_key);
  EXPECT_EQ(outbox.columns[0].type, 20u);
  EXPECT_EQ(outbox.columns[1].name, "id");
  EXPECT_FALSE(outbox.columns[1].is_key);
  EXPECT_EQ(outbox.columns[1].type, 2950u);
}

TEST(Pgoutput, NamesTheRootOfAPartitionedTable) {
  const auto messages = captured_wal("all_kinds");
  const auto relations = all_of<RelationMessage>(messages);
  // The leaf's columns come too, but the row names the root.
  const auto root = std::ranges::find(relations, "parted", &RelationMessage::name);
  ASSERT_NE(root, relations.end());
  EXPECT_EQ(all_of<InsertMessage>(messages).back().relation, root->oid);
}

TEST(Pgoutput, ReadsTypesThatAreNotBuiltIn) {
  const auto messages = captured_wal("all_kinds");
  const auto types = all_of<TypeMessage>(messages);
  ASSERT_GE(types.size(), 2u);
  EXPECT_EQ(types[0].schema, "public");
  EXPECT_EQ(types[0].name, "mood");
  // A domain is named by what it stands on, and pg_catalog by an empty text.
  EXPECT_EQ(types[1].schema, "");
  EXPECT_EQ(types[1].name, "numeric");
}

TEST(Pgoutput, ReadsInsertedRowsWithNullsAndLongValues) {
  const auto messages = captured_wal("all_kinds");
  const auto inserts = all_of<InsertMessage>(messages);
  ASSERT_GE(inserts.size(), 2u);
  EXPECT_EQ(text_of(inserts[0].row),
            "1|0190a7e2-0000-7000-8000-000000000001|order|7|placed|{\"n\": 1}|2026-02-03 04:05:06.000007+00|\\x00ff10|"
            "t|glad|12.50|1.5|" +
                std::string(40, 'x'));
  EXPECT_TRUE(text_of(inserts[1].row).ends_with("|1.5|-")) << text_of(inserts[1].row);
  Tuple::Reader reader(inserts[0].row);
  for (int i = 0; i < 12; ++i) reader.next();
  EXPECT_EQ(reader.next().bytes.size(), 3000u);
}

TEST(Pgoutput, TellsAnUnchangedToastedValueFromNull) {
  const auto messages = captured_wal("all_kinds");
  const auto updates = all_of<UpdateMessage>(messages);
  ASSERT_FALSE(updates.empty());
  EXPECT_EQ(updates[0].old, UpdateMessage::Old::kNone);
  EXPECT_TRUE(text_of(updates[0].row).ends_with("|f|glad|12.50|1.5|=")) << text_of(updates[0].row);
}

TEST(Pgoutput, ReadsOldKeysAndOldRows) {
  const auto messages = captured_wal("all_kinds");
  const auto updates = all_of<UpdateMessage>(messages);
  EXPECT_TRUE(std::ranges::any_of(updates, [](const auto& one) { return one.old == UpdateMessage::Old::kKey; }));
  EXPECT_TRUE(std::ranges::any_of(updates, [](const auto& one) {
    return one.old == UpdateMessage::Old::kRow && text_of(one.old_row) == "1|a" && text_of(one.row) == "1|c";
  }));
  const auto removals = all_of<DeleteMessage>(messages);
  ASSERT_EQ(removals.size(), 2u);
  EXPECT_EQ(removals[0].old, DeleteMessage::Old::kKey);
  EXPECT_TRUE(text_of(removals[0].old_row).starts_with("1|-|-"));
  EXPECT_EQ(removals[1].old, DeleteMessage::Old::kRow);
  EXPECT_EQ(text_of(removals[1].old_row), "2|-");
}

TEST(Pgoutput, ReadsTruncate) {
  const auto messages = captured_wal("all_kinds");
  const auto truncates = all_of<TruncateMessage>(messages);
  ASSERT_EQ(truncates.size(), 1u);
  EXPECT_EQ(truncates[0].options, 3);
  EXPECT_EQ(truncates[0].relations, 2u);
  EXPECT_EQ(truncates[0].oids.size(), 8u);
}

TEST(Pgoutput, ReadsLogicalMessagesOfBothKinds) {
  const auto messages = captured_wal("all_kinds");
  const auto logical = all_of<LogicalMessage>(messages);
  ASSERT_EQ(logical.size(), 2u);
  const auto& in_transaction = logical[logical[0].prefix == "outbox" ? 0 : 1];
  const auto& immediate = logical[logical[0].prefix == "outbox" ? 1 : 0];
  EXPECT_EQ(in_transaction.kind, LogicalMessage::Kind::kTransactional);
  EXPECT_EQ(in_transaction.content, R"({"id":"0190a7e2-0000-7000-8000-000000000009"})");
  EXPECT_EQ(immediate.kind, LogicalMessage::Kind::kImmediate);
  EXPECT_EQ(immediate.prefix, "loose");
}

TEST(Pgoutput, ReadsOrigins) {
  const auto messages = captured_wal("origin");
  const auto origins = all_of<OriginMessage>(messages);
  ASSERT_EQ(origins.size(), 1u);
  EXPECT_EQ(origins[0].name, "elsewhere");
  EXPECT_EQ(origins[0].commit, Lsn{0xAB});
}

// Pitfall: BEGIN, COMMIT and the first row share an LSN; only the end of the commit is a place to go on from.
TEST(Pgoutput, CommitsAscendAndEndBehindTheirStart) {
  for (const char* name : {"all_kinds", "schema_change", "origin"}) {
    const auto messages = captured_wal(name);
    const auto begins = all_of<BeginMessage>(messages);
    const auto commits = all_of<CommitMessage>(messages);
    ASSERT_EQ(begins.size(), commits.size());
    Lsn last{0};
    for (std::size_t i = 0; i < commits.size(); ++i) {
      EXPECT_EQ(begins[i].commit, commits[i].commit);
      EXPECT_LT(commits[i].commit, commits[i].end);
      EXPECT_LT(last, commits[i].end);
      last = commits[i].end;
    }
  }
}

// Pitfall: schema change mid-stream: the relation is sent again, and the row has the new column.
TEST(Pgoutput, ReadsTheRelationAgainAfterASchemaChange) {
  const auto messages = captured_wal("schema_change");
  const auto relations = all_of<RelationMessage>(messages);
  ASSERT_EQ(relations.size(), 2u);
  EXPECT_EQ(relations[0].columns.size() + 1, relations[1].columns.size());
  EXPECT_EQ(relations[1].columns.back().name, "tenant");
  EXPECT_EQ(all_of<InsertMessage>(messages)[1].row.columns(), relations[1].columns.size());
}

TEST(Pgoutput, ReadsStreamedTransactions) {
  const auto messages = captured_wal("streamed_commit");
  EXPECT_EQ(all_of<InsertMessage>(messages).size(), 500u);
  const auto commits = all_of<StreamCommitMessage>(messages);
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_LT(commits[0].commit, commits[0].end);
  const auto starts = all_of<StreamStartMessage>(messages);
  ASSERT_FALSE(starts.empty());
  EXPECT_EQ(starts[0].segment, StreamStartMessage::Segment::kFirst);
  EXPECT_EQ(starts[0].xid, commits[0].xid);
  PgoutputDecoder decoder;
  ASSERT_TRUE(decoder.decode(messages[0]));
  EXPECT_EQ(decoder.within(), Within::kStream);
  EXPECT_EQ(decoder.decode(messages[1])->xid, starts[0].xid);
}

TEST(Pgoutput, ReadsAbortsOfStreamedTransactions) {
  const auto messages = captured_wal("streamed_abort");
  const auto aborts = all_of<StreamAbortMessage>(messages);
  ASSERT_EQ(aborts.size(), 1u);
  EXPECT_EQ(aborts[0].xid, aborts[0].sub);
}

TEST(Pgoutput, ReadsAPreparedTransactionWhereItIsCommitted) {
  const auto messages = captured_wal("prepared");
  const auto inserts = all_of<InsertMessage>(messages);
  ASSERT_EQ(inserts.size(), 2u);
  EXPECT_TRUE(text_of(inserts[0].row).ends_with("|{\"n\": 3}")) << "was written later, and committed at once";
  EXPECT_TRUE(text_of(inserts[1].row).ends_with("|{\"n\": 1}"));
}

// They come only from a slot that was made for them.
TEST(Pgoutput, RefusesTheMessagesOfTwoPhases) {
  std::string refused;
  for (const std::string& bytes : captured_wal("two_phase")) {
    if (PgoutputDecoder::decode_one(bytes, Within::kTransaction)) continue;
    refused += bytes[0];
  }
  EXPECT_EQ(refused, "bPKbPr");
}

TEST(Pgoutput, RefusesEveryMessageThatIsCutShort) {
  for (const char* name : {"all_kinds", "origin", "streamed_abort"}) {
    PgoutputDecoder decoder;
    for (const std::string& bytes : captured_wal(name)) {
      const Within within = decoder.within();
      for (std::size_t length = 0; length < bytes.size(); ++length) {
        const auto cut = PgoutputDecoder::decode_one(std::string_view(bytes).substr(0, length), within);
        ASSERT_FALSE(cut) << bytes[0] << " of " << bytes.size() << " bytes cut to " << length;
        EXPECT_LE(cut.error().offset, length);
      }
      ASSERT_TRUE(decoder.decode(bytes));
    }
  }
}

TEST(Pgoutput, RefusesBytesLeftOver) {
  for (const std::string& bytes : captured_wal("origin"))
    EXPECT_EQ(PgoutputDecoder::decode_one(bytes + "x", Within::kTransaction).error().offset, bytes.size());
}

TEST(Pgoutput, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(PgoutputDecoder::decode_one("Z", Within::kTransaction).error().what, "the type of the message is unknown");
  EXPECT_FALSE(PgoutputDecoder::decode_one(std::string("B") + std::string(20, '\0'), Within::kStream));
  EXPECT_FALSE(PgoutputDecoder().decode("E"));
  std::string insert("I\0\0\0\1N\0\1q", 9);
  EXPECT_EQ(PgoutputDecoder::decode_one(insert, Within::kTransaction).error().what,
            "a row has a value of an unknown kind");
  insert.back() = 't';
  insert += std::string("\xff\xff\xff\xff", 4);
  EXPECT_FALSE(PgoutputDecoder::decode_one(insert, Within::kTransaction));
}

}  // namespace
}  // namespace penstock::wal
