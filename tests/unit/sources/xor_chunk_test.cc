#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/xor_chunk.h"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "support/xor_encoder.h"

namespace anomaly_exporter::sources {
namespace {

using series::Sample;

/// Equal to the last bit, NaN included.
bool same(const std::vector<Sample>& a, const std::vector<Sample>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Sample& x, const Sample& y) {
    return x.time == y.time &&
           std::bit_cast<std::uint64_t>(x.value) == std::bit_cast<std::uint64_t>(y.value);
  });
}

void check_round_trip(const std::vector<Sample>& samples) {
  const std::string chunk = support::XorEncoder::encode(samples);
  std::vector<Sample> out;
  BOOST_TEST_REQUIRE(decode_xor_chunk(chunk, out).ok());
  BOOST_TEST(same(out, samples));
}

core::ErrorCode code_of(std::string_view chunk) {
  std::vector<Sample> out = {{{1}, 2.0}};
  const core::Status status = decode_xor_chunk(chunk, out);
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_TEST(out.size() == 1U);  // earlier content stays, nothing is added
  return status.error().code;
}

std::vector<Sample> regular(std::size_t count) {
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < count; ++i) {
    samples.push_back({{1'700'000'000'000 + static_cast<std::int64_t>(i) * 15'000},
                       static_cast<double>(i % 7) * 0.1});
  }
  return samples;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(xor_chunk_test)

BOOST_AUTO_TEST_CASE(decodes_a_chunk_written_by_hand) {
  // Two samples: (1 ms, 1.0) and 2 ms later the same value, which is a zero bit.
  const std::string chunk{'\0', '\2', '\2', '\x3f', '\xf0', 0, 0, 0, 0, 0, 0, '\2', '\0'};
  std::vector<Sample> out;
  BOOST_TEST_REQUIRE(decode_xor_chunk(chunk, out).ok());
  BOOST_TEST(same(out, {{{1}, 1.0}, {{3}, 1.0}}));
}

BOOST_AUTO_TEST_CASE(returns_what_was_encoded) {
  for (const std::size_t count : {1U, 2U, 3U, 4U, 119U, 120U, 65535U})
    check_round_trip(regular(count));
}

BOOST_AUTO_TEST_CASE(keeps_every_bit_of_special_values) {
  const double nan = std::bit_cast<double>(0x7ff8000000000001ULL);
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<Sample> samples;
  std::int64_t t = -5;
  for (const double v : {0.0, -0.0, nan, core::stale_marker(), inf, -inf, 5e-324, 1.7e308, 1.0, 1.0,
                         std::bit_cast<double>(~0ULL), std::bit_cast<double>(1ULL)}) {
    samples.push_back({{t += 3}, v});
  }
  check_round_trip(samples);
}

BOOST_AUTO_TEST_CASE(reads_deltas_at_the_bounds_of_each_class) {
  std::vector<Sample> samples = {{{0}, 1}, {{1 << 30}, 2}};
  std::int64_t delta = 1 << 30;
  for (const unsigned bits : {14U, 17U, 20U}) {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    for (const std::int64_t d : {half, -half + 1, half + 1, -half, half - 1, std::int64_t{1}}) {
      delta += d;
      samples.push_back({{samples.back().time.ms + delta}, static_cast<double>(d)});
    }
  }
  check_round_trip(samples);
}

BOOST_AUTO_TEST_CASE(reads_times_at_the_ends_of_the_range) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  check_round_trip({{{kMin}, 1}, {{kMax}, 2}, {{kMin}, 3}, {{0}, 4}, {{kMax}, 5}});
}

BOOST_AUTO_TEST_CASE(returns_random_chunks_of_every_length) {
  std::mt19937_64 random(7);
  for (std::size_t count = 1; count < 300; ++count) {
    std::vector<Sample> samples;
    std::uint64_t time = 0;  // wraps
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      time += random() >> (random() % 64);
      // Random windows of changed bits, or none.
      if (random() % 4 != 0) value ^= (random() >> (random() % 64)) << (random() % 64);
      samples.push_back({{static_cast<std::int64_t>(time)}, std::bit_cast<double>(value)});
    }
    check_round_trip(samples);
  }
}

BOOST_AUTO_TEST_CASE(appends_to_what_is_there) {
  const std::vector<Sample> samples = regular(5);
  std::vector<Sample> out(samples.begin(), samples.begin() + 2);
  const std::string rest =
      support::XorEncoder::encode(std::vector<Sample>(samples.begin() + 2, samples.end()));
  BOOST_TEST_REQUIRE(decode_xor_chunk(rest, out).ok());
  BOOST_TEST(same(out, samples));
}

BOOST_AUTO_TEST_CASE(takes_an_empty_chunk_and_bytes_behind_the_last_sample) {
  std::vector<Sample> out;
  BOOST_TEST(decode_xor_chunk(std::string(2, '\0'), out).ok());
  BOOST_TEST(out.empty());
  BOOST_TEST(decode_xor_chunk(support::XorEncoder::encode(regular(3)) + "rest", out).ok());
  BOOST_TEST(same(out, regular(3)));
}

BOOST_AUTO_TEST_CASE(refuses_every_truncation) {
  std::vector<Sample> samples = regular(40);
  samples.push_back({{1}, 1e300});  // a class of 64 bits at the end
  const std::string chunk = support::XorEncoder::encode(samples);
  for (std::size_t size = 0; size < chunk.size(); ++size) {
    // A copy of its own, so that a read behind the end is seen by the address sanitizer.
    const std::vector<char> cut(chunk.data(), chunk.data() + size);
    BOOST_TEST_CONTEXT("size " << size) {
      BOOST_CHECK(code_of({cut.data(), cut.size()}) == core::ErrorCode::Corrupt);
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_65535_samples_in_3_bytes_without_allocating_for_them) {
  std::vector<Sample> out;
  BOOST_TEST(!decode_xor_chunk("\xff\xff\x02", out).ok());
  BOOST_TEST(!decode_xor_chunk("\xff\xff\x02" + std::string(9, '\0'), out).ok());
  BOOST_TEST(out.capacity() == 0U);
}

BOOST_AUTO_TEST_CASE(refuses_a_window_wider_than_64_bits) {
  // Second sample: delta 0, then 11, 31 leading zeros, width 63.
  const std::string chunk = std::string{'\0', '\2', '\2'} + std::string(8, '\0') + '\0' +
                            "\xff\xff" + std::string(20, '\0');
  BOOST_CHECK(code_of(chunk) == core::ErrorCode::Corrupt);
}

BOOST_AUTO_TEST_CASE(refuses_a_varint_over_10_bytes) {
  BOOST_CHECK(code_of(std::string{'\0', '\1'} + std::string(11, '\xff') + std::string(20, '\0')) ==
              core::ErrorCode::Corrupt);
}

BOOST_AUTO_TEST_CASE(survives_flipped_bits) {
  const std::string chunk = support::XorEncoder::encode(regular(120));
  for (std::size_t bit = 0; bit < chunk.size() * 8; ++bit) {
    std::string flipped = chunk;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << (bit % 8));
    std::vector<Sample> out;
    const core::Status status = decode_xor_chunk(flipped, out);
    BOOST_TEST((status.ok() || out.empty()));
    BOOST_TEST(out.size() <= 65535U);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::sources
