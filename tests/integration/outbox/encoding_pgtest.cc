// Databases whose texts have other lengths than what is handed over, which is UTF-8.
#include "connectors/outbox/tracked_table.h"
#include "tests/integration/outbox/outbox_fixture.h"

namespace penstock::tests {
namespace {

using Encoding = FreshDatabase::Encoding;

class OutboxEncoding : public OutboxTest {
 protected:
  void use_texts(Encoding encoding) {
    use(", note text, remark text", encoding);
    outbox().execute("ALTER TABLE shop.outbox ALTER payload TYPE text");
  }
  // Values as SQL; `text` is UTF-8.
  static std::string repeated(std::string_view text, int times) {
    std::string hex;
    for (const char byte : text) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto value = static_cast<unsigned char>(byte);
      hex.append(1, kDigits[value >> 4U]).append(1, kDigits[value & 0xfU]);
    }
    return "repeat(convert_from('\\x" + hex + "', 'UTF8'), " + std::to_string(times) + ")";
  }
  void insert(const std::string& payload, const std::string& note = "NULL", const std::string& remark = "NULL") {
    outbox().execute("INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload, note, remark) VALUES (" +
                     std::string("'order', 'a', 'placed', ") + payload + ", " + note + ", " + remark + ")");
  }
  std::string only_data() {
    const auto source = open();
    const auto items = read(*source);
    EXPECT_EQ(items.size(), 1U);
    if (items.empty() || !items[0].event) return "";
    EXPECT_TRUE(source->settle(items[0].mark));
    return std::string(items[0].event->data.value_or("-"));
  }
};

// What two columns gain by being handed over is as long as the payload that was held back.
TEST_F(OutboxEncoding, LosesNoPayloadBesideTextsThatGrow) {
  use_texts(Encoding::kWin1251);
  insert("repeat('x', 3000)", repeated("\u044f", 1'700), repeated("\u044f", 1'700));
  EXPECT_EQ(only_data(), std::string(3'000, 'x'));
}

TEST_F(OutboxEncoding, TakesATextThatShrinks) {
  use_texts(Encoding::kEucJp);
  insert(repeated("\u00e9", 1));
  EXPECT_EQ(only_data(), "\u00e9");
}

TEST_F(OutboxEncoding, TakesATextThatShrinksByItsId) {
  use_texts(Encoding::kEucJp);
  outbox().settings().policy = outbox::TrackRows{};
  outbox().execute("ALTER TABLE shop.outbox ALTER id SET NOT NULL; CREATE UNIQUE INDEX ON shop.outbox (id)");
  outbox().execute(outbox::create_settled_table_statement(outbox().settings(), "uuid"));
  insert(repeated("\u00e9", 2'000));
  EXPECT_EQ(only_data().size(), 4'000U);
}

// An event is judged by the bytes that it has.
TEST_F(OutboxEncoding, ParksAPayloadThatIsTooLargeOnceItIsHandedOver) {
  use_texts(Encoding::kLatin1);
  outbox().settings().event_bytes = 100'000;
  insert(repeated("\u00e9", 50'000));
  insert(repeated("\u00e9", 50'001));
  const auto items = read_until(*open(), 2);
  ASSERT_EQ(items.size(), 2U);
  ASSERT_TRUE(items[0].event && items[1].malformed);
  EXPECT_EQ(items[0].event->data->size(), 100'000U);
  EXPECT_EQ(items[1].malformed->reason,
            "table shop.outbox: the payload has 100002 bytes, and [limits] event_bytes allows 100000");
}

}  // namespace
}  // namespace penstock::tests
