#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/remote_read.h"

#include <snappy.h>

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

#include "remote.pb.h"
#include "support/xor_encoder.h"

namespace anomaly_exporter::sources {
namespace {

using core::ErrorCode;
using core::Status;
using core::Timestamp;
using series::Sample;

struct Seen {
  std::string labels;  ///< or the error's message
  std::vector<Sample> samples;
  std::uint64_t not_a_number = 0;

  friend bool operator==(const Seen&, const Seen&) = default;
};
std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.labels << " x" << seen.samples.size() << " nan " << seen.not_a_number;
}

struct Collector {
  std::vector<Seen> seen;
  RawSeriesSink sink = [this](const RawSeries& series) {
    const auto labels = decode_label_bytes(series.label_bytes);
    seen.push_back({labels.ok() ? labels->text() : labels.error().message, series.samples,
                    series.not_a_number});
    return Status{};
  };
};

template <class Series>
void add_label(Series* series, const std::string& name, const std::string& value) {
  auto* label = series->add_labels();
  label->set_name(name);
  label->set_value(value);
}

void add_sample(oracle::TimeSeries* series, std::int64_t time, double value) {
  auto* sample = series->add_samples();
  sample->set_timestamp(time);
  sample->set_value(value);
}

void add_chunk(oracle::ChunkedSeries* series, const std::vector<Sample>& samples) {
  auto* chunk = series->add_chunks();
  chunk->set_min_time_ms(samples.front().time.ms);
  chunk->set_max_time_ms(samples.back().time.ms);
  chunk->set_type(oracle::Chunk::XOR);
  chunk->set_data(support::XorEncoder::encode(samples));
}

std::string one_series_message(const std::string& label, const std::vector<Sample>& samples) {
  oracle::ChunkedReadResponse response;
  auto* series = response.add_chunked_series();
  add_label(series, "a", label);
  add_chunk(series, samples);
  return response.SerializeAsString();
}

/// Decodes frames' messages; the collector has seen all series when all went well.
Status decode_messages(const std::vector<std::string>& messages, Collector& collector) {
  ChunkedSeriesReader reader(collector.sink);
  for (const std::string& message : messages) {
    if (Status status = reader.message(message); !status.ok()) return status;
  }
  return reader.finish();
}

/// `inner` as field `number` of an outer message.
std::string field(unsigned number, const std::string& inner) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  std::size_t size = inner.size();
  for (; size >= 0x80; size >>= 7) out.push_back(static_cast<char>(size | 0x80));
  out.push_back(static_cast<char>(size));
  return out.append(inner);
}

/// One field of every wire type, with a number that no message here has.
std::string unknown_fields() {
  return std::string("\xf8\x01\x96\x01", 4) + std::string("\xf9\x01\1\2\3\4\5\6\7\x8", 10) +
         std::string("\xfa\x01\x03") + "any" + std::string("\xfd\x01\1\2\3\4", 6);
}

void check_corrupt(const Status& status, const std::string& message) {
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_CHECK(status.error().code == ErrorCode::Corrupt);
  BOOST_TEST(status.error().message == message);
}

Status decode(const std::string& bytes) {
  Collector collector;
  return decode_read_response(bytes, collector.sink);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(remote_read_test)

BOOST_AUTO_TEST_CASE(the_request_is_what_protobuf_reads) {
  const Matchers matchers = {{Matcher::Type::Equal, "__name__", "up"},
                             {Matcher::Type::NotEqual, "a", ""},
                             {Matcher::Type::Matches, "b", std::string(300, 'x')},
                             {Matcher::Type::NotMatches, "c", "d|e"}};
  for (const RemoteAnswer answer : {RemoteAnswer::Samples, RemoteAnswer::StreamedXorChunks}) {
    oracle::ReadRequest request;
    BOOST_TEST_REQUIRE(
        request.ParseFromString(encode_read_request(matchers, {-1}, {1'700'000'000'123}, answer)));
    BOOST_TEST_REQUIRE(request.accepted_response_types_size() == 1);
    BOOST_TEST(request.accepted_response_types(0) == static_cast<int>(answer));
    BOOST_TEST_REQUIRE(request.queries_size() == 1);
    const auto& query = request.queries(0);
    BOOST_TEST(query.start_timestamp_ms() == -1);
    BOOST_TEST(query.end_timestamp_ms() == 1'700'000'000'123);
    BOOST_TEST_REQUIRE(query.matchers_size() == 4);
    for (int i = 0; i < 4; ++i) {
      const Matcher& want = matchers[static_cast<std::size_t>(i)];
      BOOST_TEST(query.matchers(i).type() == static_cast<int>(want.type));
      BOOST_TEST(query.matchers(i).name() == want.name);
      BOOST_TEST(query.matchers(i).value() == want.value);
    }
  }
}

BOOST_AUTO_TEST_CASE(reads_what_protobuf_writes) {
  std::mt19937_64 random(3);
  oracle::ReadResponse response;
  std::vector<Seen> want;
  for (int i = 0; i < 50; ++i) {
    auto* result = i % 20 == 0 ? response.add_results() : response.mutable_results(i / 20);
    auto* series = result->add_timeseries();
    add_label(series, "__name__", "up");
    add_label(series, "i", std::to_string(i + 100));
    Seen& seen = want.emplace_back();
    seen.labels = "{__name__=\"up\",i=\"" + std::to_string(i + 100) + "\"}";
    for (int k = 0; k < i; ++k) {
      const double value = static_cast<double>(random()) / 1e9;
      add_sample(series, k * 1000 - 5000, value);
      seen.samples.push_back({{k * 1000 - 5000}, value});
    }
    if (i % 10 == 9) {
      series->add_histograms()->set_count(1);
      seen.not_a_number = 1;
    }
  }
  Collector got;
  BOOST_TEST_REQUIRE(decode_read_response(response.SerializeAsString(), got.sink).ok());
  BOOST_TEST(got.seen == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_empty_answer_has_no_series) { BOOST_TEST(decode("").ok()); }

BOOST_AUTO_TEST_CASE(unknown_fields_of_every_wire_type_are_skipped_at_every_level) {
  const std::string u = unknown_fields();
  const std::string label = field(1, u + field(1, "a") + u + field(2, "b") + u);
  const std::string sample = field(2, u + std::string("\x10\x05"));
  const std::string message = u + field(1, u + label + sample);
  Collector got;
  BOOST_TEST_REQUIRE(decode_read_response(u + field(1, message) + u, got.sink).ok());
  BOOST_TEST(got.seen == (std::vector<Seen>{{"{a=\"b\"}", {{{5}, 0.0}}, 0}}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_known_number_with_another_wire_type_is_skipped) {
  // results = 1 as a varint.
  BOOST_TEST(decode(std::string("\x08\x05")).ok());
}

BOOST_AUTO_TEST_CASE(groups_and_unknown_wire_types_are_refused) {
  check_corrupt(decode("\x0b"), "ReadResponse: offset 1: group");
  check_corrupt(decode("\x0c"), "ReadResponse: offset 1: group");
  check_corrupt(decode("\x0e"), "ReadResponse: offset 1: unknown wire type");
  check_corrupt(decode("\x0f"), "ReadResponse: offset 1: unknown wire type");
  check_corrupt(decode(std::string("\x00\x00", 2)), "ReadResponse: offset 1: bad field number");
}

BOOST_AUTO_TEST_CASE(varints_are_bounded) {
  check_corrupt(decode(std::string(11, '\xff')), "ReadResponse: offset 10: varint over 10 bytes");
  check_corrupt(decode(std::string("\x08").append(10, '\x80') + "\x01"),
                "ReadResponse: offset 11: varint over 10 bytes");
  check_corrupt(decode(std::string("\x08").append(9, '\x80') + "\x02"),
                "ReadResponse: offset 11: varint over 64 bits");
  check_corrupt(decode("\x08\x80"), "ReadResponse: offset 2: truncated varint");
  check_corrupt(decode("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                "ReadResponse: offset 11: length beyond the message");
  check_corrupt(decode("\x09\x01"), "ReadResponse: offset 1: truncated number");
  check_corrupt(decode("\x0d\x01"), "ReadResponse: offset 1: truncated number");
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused_or_ends_between_fields) {
  oracle::ReadResponse response;
  auto* series = response.add_results()->add_timeseries();
  add_label(series, "a", "b");
  add_sample(series, 1'700'000'000'000, 1.5);
  const std::string bytes = response.SerializeAsString();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const std::vector<char> cut(bytes.data(), bytes.data() + size);
    BOOST_TEST(!decode(std::string(cut.data(), cut.size())).ok());
  }
}

BOOST_AUTO_TEST_CASE(labels_may_hold_quotes_and_line_feeds_but_no_nul_and_no_broken_utf8) {
  oracle::ReadResponse response;
  auto* result = response.add_results();
  add_label(result->add_timeseries(), "a", "say \"hi\"\nthere\\");
  add_label(result->add_timeseries(), "a", std::string("x\0y", 3));
  add_label(result->add_timeseries(), "a", "\xff");
  auto* twice = result->add_timeseries();
  add_label(twice, "a", "1");
  add_label(twice, "a", "2");
  auto* unsorted = result->add_timeseries();
  add_label(unsorted, "z", "1");
  add_label(unsorted, "b", "2");
  Collector got;
  std::vector<ErrorCode> errors;
  BOOST_TEST_REQUIRE(decode_read_response(response.SerializeAsString(), [&](const RawSeries& raw) {
                       const auto labels = decode_label_bytes(raw.label_bytes);
                       if (!labels.ok()) errors.push_back(labels.error().code);
                       return got.sink(raw);
                     }).ok());
  BOOST_TEST_REQUIRE(got.seen.size() == 5U);
  BOOST_TEST(got.seen[0].labels == R"({a="say \"hi\"\nthere\\"})");
  BOOST_TEST((errors == std::vector<ErrorCode>(3, ErrorCode::InvalidArgument)));
  BOOST_TEST(got.seen[4].labels == R"({b="2",z="1"})");
}

BOOST_AUTO_TEST_CASE(broken_label_messages_are_corrupt) {
  const auto labels = decode_label_bytes(field(1,
                                               "\x0a\x05"
                                               "ab"));
  BOOST_TEST_REQUIRE(!labels.ok());
  BOOST_CHECK(labels.error().code == ErrorCode::Corrupt);
}

BOOST_AUTO_TEST_CASE(samples_out_of_order_are_sorted_and_the_first_of_equal_times_stays) {
  oracle::ReadResponse response;
  auto* series = response.add_results()->add_timeseries();
  for (const int t : {3, 1, 2, 1, 3}) add_sample(series, t, series->samples_size());
  Collector got;
  BOOST_TEST_REQUIRE(decode_read_response(response.SerializeAsString(), got.sink).ok());
  BOOST_TEST((got.seen.at(0).samples == std::vector<Sample>{{{1}, 1}, {{2}, 2}, {{3}, 0}}));
}

BOOST_AUTO_TEST_CASE(a_series_has_a_bound) {
  // Empty samples take two bytes each.
  std::string samples;
  for (std::size_t i = 0; i <= kMaxSeriesSamples; ++i) samples += std::string("\x12\x00", 2);
  const Status status = decode(field(1, field(1, samples)));
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_CHECK(status.error().code == ErrorCode::Exhausted);
}

BOOST_AUTO_TEST_CASE(the_error_of_the_sink_is_returned) {
  oracle::ReadResponse response;
  response.add_results()->add_timeseries();
  const Status status =
      decode_read_response(response.SerializeAsString(), [](const RawSeries&) -> Status {
        return core::Error{ErrorCode::Exhausted, "enough"};
      });
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_TEST(status.error().message == "enough");
}

BOOST_AUTO_TEST_CASE(snappy_blocks_go_there_and_back) {
  for (const std::string& text : {std::string(), std::string("abc"), std::string(100'000, 'x')}) {
    const auto back = snappy_uncompress(snappy_compress(text), text.size());
    BOOST_TEST_REQUIRE(back.ok());
    BOOST_TEST(*back == text);
  }
}

BOOST_AUTO_TEST_CASE(a_snappy_length_of_4_gib_is_refused_before_memory_is_taken) {
  const auto over = snappy_uncompress(
      "\xff\xff\xff\xff\x0f"
      "abc",
      256 << 20);
  BOOST_TEST_REQUIRE(!over.ok());
  BOOST_CHECK(over.error().code == ErrorCode::Exhausted);
  // Within the limit, but more than so few bytes can stand for.
  const auto impossible = snappy_uncompress(
      "\xff\xff\xff\xff\x0f"
      "abc",
      8ULL << 30);
  BOOST_TEST_REQUIRE(!impossible.ok());
  BOOST_CHECK(impossible.error().code == ErrorCode::Corrupt);
}

BOOST_AUTO_TEST_CASE(corrupt_snappy_is_refused) {
  const std::string block =
      snappy_compress("some text that is repeated, some text that is repeated");
  for (const std::string& bad :
       {std::string(), std::string("\xff"), block.substr(0, 10), block + "x"}) {
    const auto result = snappy_uncompress(bad, 1000);
    BOOST_TEST_REQUIRE(!result.ok());
    BOOST_CHECK(result.error().code == ErrorCode::Corrupt);
  }
}

BOOST_AUTO_TEST_CASE(chunks_of_a_series_in_consecutive_messages_are_joined) {
  const std::vector<Sample> first = {{{1}, 1}, {{2}, 2}};
  const std::vector<Sample> second = {{{3}, 3}, {{4}, 4}};
  Collector got;
  BOOST_TEST_REQUIRE(
      decode_messages({one_series_message("x", first), one_series_message("x", second),
                       one_series_message("y", first)},
                      got)
          .ok());
  const std::vector<Seen> want = {{"{a=\"x\"}", {{{1}, 1}, {{2}, 2}, {{3}, 3}, {{4}, 4}}, 0},
                                  {"{a=\"y\"}", first, 0}};
  BOOST_TEST(got.seen == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(overlapping_chunks_are_merged) {
  Collector got;
  BOOST_TEST_REQUIRE(decode_messages({one_series_message("x", {{{1}, 1}, {{3}, 3}}),
                                      one_series_message("x", {{{2}, 20}, {{3}, 30}})},
                                     got)
                         .ok());
  BOOST_TEST((got.seen.at(0).samples == std::vector<Sample>{{{1}, 1}, {{2}, 20}, {{3}, 3}}));
}

BOOST_AUTO_TEST_CASE(chunks_of_an_unknown_encoding_are_counted) {
  oracle::ChunkedReadResponse response;
  auto* series = response.add_chunked_series();
  add_label(series, "a", "b");
  add_chunk(series, {{{1}, 1}});
  series->add_chunks()->set_type(oracle::Chunk::HISTOGRAM);
  series->add_chunks()->set_data("no type at all");
  Collector got;
  BOOST_TEST_REQUIRE(decode_messages({response.SerializeAsString()}, got).ok());
  BOOST_TEST(got.seen == (std::vector<Seen>{{"{a=\"b\"}", {{{1}, 1}}, 2}}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_corrupt_chunk_is_an_error) {
  oracle::ChunkedReadResponse response;
  auto* chunk = response.add_chunked_series()->add_chunks();
  chunk->set_type(oracle::Chunk::XOR);
  chunk->set_data("\xff\xff\x01");
  Collector got;
  check_corrupt(decode_messages({response.SerializeAsString()}, got),
                "xor chunk: sample 1 of 65535: truncated");
  BOOST_TEST(got.seen.empty());
}

BOOST_AUTO_TEST_CASE(a_broken_chunked_message_is_an_error) {
  const std::string message = one_series_message("x", {{{1}, 1}});
  for (std::size_t size = 1; size < message.size(); ++size) {
    Collector got;
    BOOST_TEST(!decode_messages({message.substr(0, size)}, got).ok());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::sources
