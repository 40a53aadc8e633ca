#include "anomaly_exporter/core/checksum.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>
#include <string>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(checksum_test)

std::string counting(int from, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes += static_cast<char>(from + i * step);
  return bytes;
}

/// The command of RFC 3720's last example.
std::string scsi_read_command() {
  std::string bytes(48, '\0');
  bytes[0] = '\x01';
  bytes[1] = '\xC0';
  bytes[16] = '\x14';
  bytes[22] = '\x04';
  bytes[27] = '\x14';
  bytes[31] = '\x18';
  bytes[32] = '\x28';
  bytes[40] = '\x02';
  return bytes;
}

struct Vector {
  std::string name;
  std::string bytes;
  std::uint32_t want;
};
std::ostream& operator<<(std::ostream& out, const Vector& v) { return out << v.name; }

// RFC 3720, appendix B.4, read as little-endian words; and the usual check value.
const Vector kVectors[] = {
    {"32 bytes of zeroes", std::string(32, '\0'), 0x8A9136AA},
    {"32 bytes of ones", std::string(32, '\xFF'), 0x62A8AB43},
    {"32 incrementing bytes", counting(0, 1), 0x46DD794E},
    {"32 decrementing bytes", counting(31, -1), 0x113FDB5C},
    {"a SCSI read command", scsi_read_command(), 0xD9963A56},
    {"check value", "123456789", 0xE3069283},
    {"nothing", "", 0},
};

BOOST_DATA_TEST_CASE(gives_the_published_values, boost::unit_test::data::make(kVectors)) {
  BOOST_TEST(crc32c(sample.bytes) == sample.want);
  BOOST_TEST(crc32c_portable(sample.bytes) == sample.want);
}

std::string random_bytes(Rng& rng, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(rng.below(256));
  return bytes;
}

BOOST_AUTO_TEST_CASE(tables_and_instruction_agree_at_every_length_and_alignment) {
  Rng rng(1);
  const std::string bytes = random_bytes(rng, 100);
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t size = 0; size + from <= bytes.size(); ++size) {
      const std::string_view part = std::string_view(bytes).substr(from, size);
      const auto previous = static_cast<std::uint32_t>(rng.next());
      BOOST_TEST(crc32c(part, previous) == crc32c_portable(part, previous));
    }
  }
}

BOOST_AUTO_TEST_CASE(parts_chain_to_the_checksum_of_the_whole) {
  Rng rng(2);
  const std::string bytes = random_bytes(rng, 61);
  const std::string_view whole = bytes;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    BOOST_TEST(crc32c(whole.substr(cut), crc32c(whole.substr(0, cut))) == crc32c(whole));
    BOOST_TEST(crc32c_portable(whole.substr(cut), crc32c_portable(whole.substr(0, cut))) ==
               crc32c(whole));
  }
}

BOOST_AUTO_TEST_CASE(every_single_flipped_bit_changes_it) {
  Rng rng(3);
  std::string bytes = random_bytes(rng, 40);
  const std::uint32_t right = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1U << (bit % 8));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    BOOST_TEST(crc32c(bytes) != right);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
