#define BOOST_TEST_DYN_LINK
#include <libdeflate.h>
#include <boost/test/unit_test.hpp>
#include <string>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::exposition {
namespace {

std::string inflated(const std::string& compressed, std::size_t size) {
  std::string out(size + 1, '\0');
  libdeflate_decompressor* d = libdeflate_alloc_decompressor();
  std::size_t got = 0;
  const auto result = libdeflate_gzip_decompress(d, compressed.data(), compressed.size(),
                                                 out.data(), out.size(), &got);
  libdeflate_free_decompressor(d);
  out.resize(result == LIBDEFLATE_SUCCESS ? got : 0);
  return out;
}

BOOST_AUTO_TEST_SUITE(gzip_test)

BOOST_AUTO_TEST_CASE(a_page_survives_the_round_trip_and_shrinks) {
  std::string page;
  for (int i = 0; i < 5000; ++i) {
    page += "anomaly_score{monitor=\"node\",instance=\"host" + std::to_string(i) + "\"} 0.25\n";
  }
  const std::string compressed = gzip(page);
  BOOST_TEST(compressed.size() * 4 < page.size());
  BOOST_TEST((inflated(compressed, page.size()) == page));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_compressed_survives_too) {
  core::Rng rng(1);
  std::string noise(10'000, '\0');
  for (char& c : noise) c = static_cast<char>(rng.below(256));
  BOOST_TEST((inflated(gzip(noise), noise.size()) == noise));
}

BOOST_AUTO_TEST_CASE(an_empty_body_is_a_valid_file) {
  const std::string compressed = gzip("");
  BOOST_TEST(compressed.size() >= 18U);
  BOOST_TEST(inflated(compressed, 0).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
