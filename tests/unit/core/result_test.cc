#include "anomaly_exporter/core/result.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <memory>
#include <set>
#include <string>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(result_test)

Result<int> halved(int n) {
  if (n % 2 != 0) return Error{ErrorCode::InvalidArgument, std::to_string(n) + " is odd"};
  return n / 2;
}

BOOST_AUTO_TEST_CASE(holds_a_value_or_an_error) {
  BOOST_TEST_REQUIRE(halved(8).ok());
  BOOST_TEST(*halved(8) == 4);
  BOOST_TEST_REQUIRE(!halved(7).ok());
  BOOST_TEST(!static_cast<bool>(halved(7)));
  BOOST_TEST((halved(7).error().code == ErrorCode::InvalidArgument));
  BOOST_TEST(halved(7).error().message == "7 is odd");
}

BOOST_AUTO_TEST_CASE(holds_an_error_type_apart_from_a_text_value) {
  const Result<std::string> text = std::string("fine");
  BOOST_TEST(text.ok());
  BOOST_TEST(text->size() == 4U);
}

BOOST_AUTO_TEST_CASE(hands_out_values_that_can_only_move) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = *std::move(result);
  BOOST_TEST(*taken == 3);
}

BOOST_AUTO_TEST_CASE(status_is_success_until_an_error_is_stored) {
  BOOST_TEST(Status().ok());
  const Status failed = Error{ErrorCode::Timeout, "after 5s"};
  BOOST_TEST(!failed.ok());
  BOOST_TEST(failed.error().message == "after 5s");
}

BOOST_AUTO_TEST_CASE(context_is_put_before_the_message_and_keeps_the_code) {
  const Error error = Error{ErrorCode::Corrupt, "bad byte"}.within("file a").within("start");
  BOOST_TEST(error.message == "start: file a: bad byte");
  BOOST_TEST((error.code == ErrorCode::Corrupt));
}

constexpr ErrorCode kAllCodes[] = {
    ErrorCode::InvalidArgument, ErrorCode::NotFound,  ErrorCode::Unavailable, ErrorCode::Timeout,
    ErrorCode::Corrupt,         ErrorCode::Exhausted, ErrorCode::Unsupported, ErrorCode::Internal};

BOOST_AUTO_TEST_CASE(only_unavailable_and_timeout_are_retryable) {
  for (const ErrorCode code : kAllCodes) {
    const bool want = code == ErrorCode::Unavailable || code == ErrorCode::Timeout;
    BOOST_TEST((Error{code, ""}.is_retryable() == want), to_string(code));
  }
}

BOOST_AUTO_TEST_CASE(every_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (const ErrorCode code : kAllCodes) names.insert(to_string(code));
  BOOST_TEST(names.size() == std::size(kAllCodes));
  BOOST_TEST(names.count("unknown") == 0U);
  BOOST_TEST(names.count("invalid_argument") == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
