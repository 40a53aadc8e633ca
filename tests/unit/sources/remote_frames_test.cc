#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/remote_frames.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "support/remote_frame.h"

namespace anomaly_exporter::sources {
namespace {

using core::ErrorCode;
using core::Status;
using support::remote_frame;

struct Collected {
  std::vector<std::string> messages;
  FrameReader reader{[this](std::string_view message) {
                       messages.emplace_back(message);
                       return Status{};
                     },
                     1000};
};

void check_error(const Status& status, ErrorCode code, const std::string& message) {
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_CHECK(status.error().code == code);
  BOOST_TEST(status.error().message == message);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(remote_frames_test)

BOOST_AUTO_TEST_CASE(reads_a_frame_written_by_hand) {
  // CRC-32C of "123456789" is e3069283 (RFC 3720, appendix B.4 lists others; this is the check
  // value of the polynomial).
  Collected got;
  BOOST_TEST_REQUIRE(got.reader
                         .append("\x09\xe3\x06\x92\x83"
                                 "123456789")
                         .ok());
  BOOST_TEST(got.reader.finish().ok());
  BOOST_TEST(got.messages == std::vector<std::string>{"123456789"},
             boost::test_tools::per_element());
  BOOST_TEST(got.reader.frames() == 1U);
}

BOOST_AUTO_TEST_CASE(reads_frames_in_pieces_of_any_size) {
  const std::vector<std::string> want = {"a", std::string(200, 'b'), "", std::string(1000, 'c'),
                                         "d"};
  std::string stream;
  for (const std::string& message : want) stream += remote_frame(message);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    Collected got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      BOOST_TEST_REQUIRE(got.reader.append(stream.substr(at, piece)).ok());
    }
    BOOST_TEST(got.reader.finish().ok());
    BOOST_TEST(got.messages == want, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(hands_on_a_message_with_its_last_byte) {
  const std::string frame = remote_frame("message");
  Collected got;
  BOOST_TEST(got.reader.append(frame.substr(0, frame.size() - 1)).ok());
  BOOST_TEST(got.messages.empty());
  BOOST_TEST(got.reader.append(frame.substr(frame.size() - 1)).ok());
  BOOST_TEST(got.messages.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_empty_answer_has_no_frames) {
  Collected got;
  BOOST_TEST(got.reader.append("").ok());
  BOOST_TEST(got.reader.finish().ok());
  BOOST_TEST(got.messages.empty());
}

BOOST_AUTO_TEST_CASE(refuses_a_wrong_checksum_and_stays_failed) {
  std::string bad = remote_frame("second");
  bad.back() = 'x';
  Collected got;
  check_error(got.reader.append(remote_frame("first") + bad + remote_frame("third")),
              ErrorCode::Corrupt, "remote-read frame 2: wrong checksum");
  BOOST_TEST(got.messages.size() == 1U);
  BOOST_TEST(!got.reader.append(remote_frame("fourth")).ok());
  BOOST_TEST(!got.reader.finish().ok());
  BOOST_TEST(got.messages.size() == 1U);
}

BOOST_AUTO_TEST_CASE(refuses_a_stream_cut_anywhere_within_a_frame) {
  const std::string frame = remote_frame(std::string(300, 'm'));
  for (std::size_t size = 1; size < frame.size(); ++size) {
    Collected got;
    BOOST_TEST(got.reader.append(frame.substr(0, size)).ok());
    check_error(got.reader.finish(), ErrorCode::Corrupt,
                "remote-read frame 1: cut after " + std::to_string(size) +
                    " bytes at the end of the answer");
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_length_over_the_limit_before_the_bytes_come) {
  Collected got;
  BOOST_TEST(got.reader.append(remote_frame(std::string(1000, 'x'))).ok());
  check_error(got.reader.append("\xe9\x07"), ErrorCode::Exhausted,
              "remote-read frame 2: length of 1001 bytes over the limit of 1000");
}

BOOST_AUTO_TEST_CASE(refuses_a_length_of_2_to_the_60) {
  Collected got;
  check_error(got.reader.append("\x80\x80\x80\x80\x80\x80\x80\x80\x10"), ErrorCode::Exhausted,
              "remote-read frame 1: length of 1152921504606846976 bytes over the limit of 1000");
}

BOOST_AUTO_TEST_CASE(refuses_a_length_of_more_than_64_bits) {
  Collected longer;
  check_error(longer.reader.append(std::string(10, '\xff')), ErrorCode::Corrupt,
              "remote-read frame 1: length over 64 bits");
  Collected larger;
  check_error(larger.reader.append(std::string(9, '\xff') + "\x02"), ErrorCode::Corrupt,
              "remote-read frame 1: length over 64 bits");
}

BOOST_AUTO_TEST_CASE(the_error_of_the_sink_ends_the_stream) {
  FrameReader reader([](std::string_view) { return core::Error{ErrorCode::Exhausted, "enough"}; });
  check_error(reader.append(remote_frame("a")), ErrorCode::Exhausted, "enough");
  check_error(reader.finish(), ErrorCode::Exhausted, "enough");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::sources
