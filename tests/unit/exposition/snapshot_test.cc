#include "anomaly_exporter/exposition/snapshot.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

namespace anomaly_exporter::exposition {
namespace {

std::shared_ptr<const MonitorSnapshot> snapshot_of(std::string monitor, std::int64_t ms = 0) {
  auto out = std::make_shared<MonitorSnapshot>();
  out->monitor = std::move(monitor);
  out->evaluated = {ms};
  return out;
}

std::vector<std::string> names(const SnapshotStore& store) {
  std::vector<std::string> out;
  for (const auto& snapshot : store.load()) out.push_back(snapshot->monitor);
  return out;
}

using Names = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(snapshot_test)

BOOST_AUTO_TEST_CASE(a_new_snapshot_takes_the_place_of_its_monitors_last_one) {
  SnapshotStore store;
  store.publish(snapshot_of("a", 1));
  store.publish(snapshot_of("b", 1));
  store.publish(snapshot_of("a", 2));
  BOOST_TEST(names(store) == (Names{"a", "b"}), boost::test_tools::per_element());
  BOOST_TEST(store.load()[0]->evaluated.ms == 2);
}

BOOST_AUTO_TEST_CASE(a_loaded_list_does_not_change) {
  SnapshotStore store;
  store.publish(snapshot_of("a", 1));
  const SnapshotStore::List before = store.load();
  store.publish(snapshot_of("a", 2));
  store.retain({});
  BOOST_TEST(before.size() == 1U);
  BOOST_TEST(before[0]->evaluated.ms == 1);
  BOOST_TEST(store.load().empty());
}

BOOST_AUTO_TEST_CASE(retain_keeps_the_named_monitors_in_that_order) {
  SnapshotStore store;
  for (const char* name : {"a", "b", "c"}) store.publish(snapshot_of(name));
  store.retain({"c", "unknown", "a", "c"});
  BOOST_TEST(names(store) == (Names{"c", "a"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(labels_are_cut_out_of_the_common_text) {
  OutputLabels labels;
  BOOST_TEST(labels.rows() == 0U);
  BOOST_TEST(labels.entities() == 0U);
  labels.text = "r0row1entity";
  labels.row_begin = {0, 2, 6};
  labels.entity_begin = {6, 12};
  labels.row = {4, 9};
  BOOST_TEST(labels.rows() == 2U);
  BOOST_TEST(labels.entities() == 1U);
  BOOST_TEST(labels.row_text(0) == "r0");
  BOOST_TEST(labels.row_text(1) == "row1");
  BOOST_TEST(labels.entity_text(0) == "entity");
  BOOST_TEST(labels.memory_bytes() >= sizeof(OutputLabels) + 12 + 7 * sizeof(std::uint32_t));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::exposition
