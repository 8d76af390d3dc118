#include "core/secret.h"

#include <gtest/gtest.h>

#include <sstream>

namespace penstock {
namespace {

using Read = tl::expected<std::string, std::string>;

TEST(Secret, IsNeverPrinted) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "***");
}

TEST(Secret, StaysAsItIsWhereThereIsNothingToReadAgain) {
  const auto current = Secret("first").current();
  EXPECT_EQ(current.secret.reveal(), "first");
  EXPECT_EQ(current.fault, "");
}

TEST(Secret, IsReadAgainWhereItCameFromAndStillToldApartByItsFirstText) {
  std::string text = "first";
  const Secret secret("first", [&] { return Read(text); });
  const Secret copy = secret;
  text = "second";
  EXPECT_EQ(copy.current().secret.reveal(), "second");
  EXPECT_EQ(copy.reveal(), "first");
}

TEST(Secret, IsWhatWasReadLastByAnyCopyWhereItCannotBeRead) {
  Read text = "first";
  const Secret secret("first", [&] { return text; });
  const Secret copy = secret;
  text = "second";
  EXPECT_EQ(copy.current().fault, "");
  text = tl::unexpected(std::string("it is gone"));
  const auto current = secret.current();
  EXPECT_EQ(current.secret.reveal(), "second");
  EXPECT_EQ(current.fault, "it is gone");
}

}  // namespace
}  // namespace penstock
