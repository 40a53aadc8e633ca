#include "anomaly_exporter/core/state_io.h"

#define BOOST_TEST_DYN_LINK
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(state_io_test)

using namespace std::string_literals;

BOOST_AUTO_TEST_CASE(stores_little_endian_bytes_of_fixed_width) {
  StateWriter writer;
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  writer.u64(0x08090A0B0C0D0E0FULL);
  writer.i64(-2);
  writer.f32(1.0F);
  writer.f64(-2.0);
  BOOST_TEST(writer.bytes() ==
             "\x01"
             "\x03\x02"
             "\x07\x06\x05\x04"
             "\x0F\x0E\x0D\x0C\x0B\x0A\x09\x08"
             "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
             "\x00\x00\x80\x3F"
             "\x00\x00\x00\x00\x00\x00\x00\xC0"s);
}

BOOST_AUTO_TEST_CASE(stores_texts_with_u32_and_arrays_with_u64_counts) {
  StateWriter writer;
  writer.text("a\0b"s);
  writer.u16s(std::array<std::uint16_t, 2>{1, 0xFFFE});
  BOOST_TEST(writer.bytes() ==
             "\x03\x00\x00\x00"
             "a\0b"
             "\x02\x00\x00\x00\x00\x00\x00\x00"
             "\x01\x00\xFE\xFF"s);
}

BOOST_AUTO_TEST_CASE(reads_back_every_kind) {
  const std::vector<std::uint16_t> u16s = {0, 1, 0xFFFF};
  const std::vector<std::uint32_t> u32s = {7, 0xFFFFFFFF};
  const std::vector<std::uint64_t> u64s = {0xFEDCBA9876543210ULL};
  const std::vector<float> f32s = {-0.0F, 1.5F, std::numeric_limits<float>::infinity()};
  const std::vector<double> f64s = {0.1, -std::numeric_limits<double>::denorm_min()};
  StateWriter writer;
  writer.u8(200);
  writer.u16(60'000);
  writer.u32(4'000'000'000);
  writer.u64(std::numeric_limits<std::uint64_t>::max());
  writer.i64(std::numeric_limits<std::int64_t>::min());
  writer.f32(0.1F);
  writer.f64(stale_marker());
  writer.text("");
  writer.text("label");
  writer.u16s(u16s);
  writer.u32s(u32s);
  writer.u64s(u64s);
  writer.f32s(f32s);
  writer.f64s(f64s);
  writer.f64s({});

  const std::string bytes = writer.take();
  StateReader reader(bytes);
  BOOST_TEST(reader.u8() == 200);
  BOOST_TEST(reader.u16() == 60'000);
  BOOST_TEST(reader.u32() == 4'000'000'000U);
  BOOST_TEST(reader.u64() == std::numeric_limits<std::uint64_t>::max());
  BOOST_TEST(reader.i64() == std::numeric_limits<std::int64_t>::min());
  BOOST_TEST(reader.f32() == 0.1F);
  BOOST_TEST(is_stale_marker(reader.f64()));
  BOOST_TEST(reader.text() == "");
  BOOST_TEST(reader.text() == "label");
  std::vector<std::uint16_t> got_u16s(u16s.size());
  std::vector<std::uint32_t> got_u32s(u32s.size());
  std::vector<std::uint64_t> got_u64s(u64s.size());
  std::vector<float> got_f32s(f32s.size());
  std::vector<double> got_f64s(f64s.size());
  reader.u16s(got_u16s);
  reader.u32s(got_u32s);
  reader.u64s(got_u64s);
  reader.f32s(got_f32s);
  reader.f64s(got_f64s);
  reader.f64s({});
  BOOST_TEST((got_u16s == u16s && got_u32s == u32s && got_u64s == u64s));
  BOOST_TEST((got_f32s == f32s && got_f64s == f64s));
  BOOST_TEST(std::signbit(got_f32s[0]));
  BOOST_TEST(reader.ok());
  BOOST_TEST(reader.remaining() == 0U);
}

BOOST_AUTO_TEST_CASE(a_short_read_gives_zero_and_says_where) {
  StateReader reader("abc");
  BOOST_TEST(reader.u8() == 'a');
  BOOST_TEST(reader.u32() == 0U);
  BOOST_TEST_REQUIRE(!reader.ok());
  BOOST_TEST((reader.status().error().code == ErrorCode::Corrupt));
  BOOST_TEST(reader.status().error().message == "byte 1: 4 bytes wanted, 2 left");
}

BOOST_AUTO_TEST_CASE(after_a_failure_everything_reads_as_zero_and_the_first_reason_stays) {
  StateReader reader("abcdefgh");
  reader.fail("unknown kind");
  reader.fail("later");
  std::vector<double> values = {1.0, 2.0};
  reader.f64s(values);
  BOOST_TEST(reader.u8() == 0);
  BOOST_TEST(reader.f64() == 0.0);
  BOOST_TEST(reader.text().empty());
  BOOST_TEST((values == std::vector<double>{0.0, 0.0}));
  BOOST_TEST(reader.status().error().message == "byte 0: unknown kind");
}

BOOST_AUTO_TEST_CASE(a_text_longer_than_the_input_is_refused) {
  StateWriter writer;
  writer.u32(0xFFFFFFFF);
  const std::string bytes = writer.bytes() + "short";
  StateReader reader(bytes);
  BOOST_TEST(reader.text().empty());
  BOOST_TEST(reader.status().error().message == "byte 4: 4294967295 bytes wanted, 5 left");
}

BOOST_AUTO_TEST_CASE(an_array_of_another_count_is_refused) {
  for (const std::uint64_t stored : {std::uint64_t{1}, std::uint64_t{3}, ~std::uint64_t{0}}) {
    StateWriter writer;
    writer.u64(stored);
    const std::string bytes = writer.bytes() + std::string(64, 'x');
    StateReader reader(bytes);
    std::vector<std::uint32_t> out = {9, 9};
    reader.u32s(out);
    BOOST_TEST(reader.status().error().message ==
               "byte 8: array of " + std::to_string(stored) + " elements, 2 expected");
    BOOST_TEST((out == std::vector<std::uint32_t>{0, 0}));
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_is_noticed) {
  StateWriter writer;
  writer.u16(1);
  writer.text("abc");
  writer.f32s(std::vector<float>{1.0F, 2.0F});
  writer.i64(-1);
  const std::string_view whole = writer.bytes();
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    StateReader reader(whole.substr(0, size));
    std::array<float, 2> values{};
    (void)reader.u16();
    (void)reader.text();
    reader.f32s(values);
    (void)reader.i64();
    BOOST_TEST(reader.ok() == (size == whole.size()));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
