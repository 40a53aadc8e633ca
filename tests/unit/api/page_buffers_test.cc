#include "anomaly_exporter/api/page_buffers.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::api {
namespace {

BOOST_AUTO_TEST_SUITE(page_buffers_test)

BOOST_AUTO_TEST_CASE(hands_the_memory_of_a_big_page_out_again_empty) {
  PageBuffers buffers;
  buffers.give(std::string(1 << 20, 'x'));
  const std::string page = buffers.take();
  BOOST_TEST(page.empty());
  BOOST_TEST(page.capacity() >= 1U << 20U);
  BOOST_TEST(buffers.take().capacity() < 1U << 20U);
}

BOOST_AUTO_TEST_CASE(keeps_two_pages_and_neither_small_nor_huge_ones) {
  PageBuffers buffers;
  for (int i = 0; i < 3; ++i) buffers.give(std::string(1 << 20, 'x'));
  (void)buffers.take();
  (void)buffers.take();
  BOOST_TEST(buffers.take().capacity() < 1U << 20U);
  buffers.give(std::string(1000, 'x'));
  BOOST_TEST(buffers.take().capacity() < 1000U);
  buffers.give(std::string(65UL << 20U, 'x'));
  BOOST_TEST(buffers.take().capacity() < 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::api
