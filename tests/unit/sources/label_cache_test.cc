#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/label_cache.h"

#include <boost/test/unit_test.hpp>

namespace anomaly_exporter::sources {
namespace {

core::Labels make(const std::string& value) {
  return std::move(*core::Labels::create({{"job", value}}));
}

BOOST_AUTO_TEST_SUITE(label_cache_test)

BOOST_AUTO_TEST_CASE(finds_what_was_inserted_under_the_same_bytes) {
  LabelCache cache;
  BOOST_TEST(cache.find("raw") == nullptr);
  const auto inserted = cache.insert("raw", make("node"));
  BOOST_TEST(cache.find("raw").get() == inserted.get());
  BOOST_TEST(cache.find("ra") == nullptr);
  BOOST_TEST(inserted->value("job").value_or("") == "node");
}

BOOST_AUTO_TEST_CASE(an_equal_set_under_other_bytes_keeps_its_pointer) {
  LabelCache cache;
  const auto json = cache.insert("{\"job\":\"node\"}", make("node"));
  const auto protobuf = cache.insert("\x0a\x03job", make("node"));
  BOOST_TEST(json.get() == protobuf.get());
  BOOST_TEST(cache.insert("other", make("db")).get() != json.get());
  BOOST_TEST(cache.size() == 3U);
}

BOOST_AUTO_TEST_CASE(entries_age_out_unless_they_are_used) {
  LabelCache cache;
  (void)cache.insert("idle", make("idle"));
  (void)cache.insert("busy", make("busy"));
  for (std::uint32_t i = 0; i <= LabelCache::kGenerations; ++i) {
    BOOST_TEST(cache.size() == 2U);
    cache.age();
    (void)cache.find("busy");
  }
  BOOST_TEST(cache.size() == 1U);
  BOOST_TEST(cache.find("idle") == nullptr);
  BOOST_TEST(cache.find("busy") != nullptr);
}

BOOST_AUTO_TEST_CASE(a_set_still_held_outside_keeps_its_pointer_after_ageing_out) {
  LabelCache cache;
  const auto held = cache.insert("raw", make("node"));
  for (std::uint32_t i = 0; i <= LabelCache::kGenerations; ++i) cache.age();
  BOOST_TEST(cache.size() == 0U);
  BOOST_TEST(cache.insert("raw", make("node")).get() == held.get());
}

BOOST_AUTO_TEST_CASE(beyond_the_capacity_sets_are_made_but_not_remembered) {
  LabelCache cache(2);
  (void)cache.insert("1", make("1"));
  (void)cache.insert("2", make("2"));
  const auto third = cache.insert("3", make("3"));
  BOOST_REQUIRE(third != nullptr);
  BOOST_TEST(cache.size() == 2U);
  BOOST_TEST(cache.find("3") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::sources
