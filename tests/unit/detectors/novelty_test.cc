#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/detectors/novelty.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "entity_rig.h"

namespace anomaly_exporter::detectors {
namespace {

using std::chrono::minutes;
constexpr core::Timestamp kStart{1'700'000'100'000};

EntityRig rig(core::Duration step, std::size_t entities = 1) {
  auto made = Novelty::create({}, {.metrics = 1, .window = 400, .interval = step});
  EntityRig rig(std::move(made).value(), 1, entities, 400);
  rig.set_times(kStart, step);
  return rig;
}

contract::BlockInput one(float value) {
  contract::BlockInput input(1);
  input.set(0, 0, value);
  return input;
}

struct Reference {
  int series;
  float value;
  bool is_scored;
  double raw, expected;
};

std::vector<Reference> references() {
  std::ifstream file(std::string(AE_SOURCE_DIR) + "/tests/data/reference/novelty.csv");
  std::vector<Reference> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream in(line);
    Reference row{};
    in >> row.series >> row.value;
    row.is_scored = static_cast<bool>(in >> row.raw >> row.expected);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(novelty_test)

// Within 1 % of the scale (ln 4), as floats place a digest's ties differently than doubles now and
// then.
BOOST_AUTO_TEST_CASE(gives_the_scores_of_the_independent_implementation) {
  const auto rows = references();
  BOOST_REQUIRE(rows.size() == 4200U);
  std::size_t far = 0;
  for (std::size_t i = 0; i < rows.size();) {
    EntityRig entity = rig(minutes(5));
    const int series = rows[i].series;
    for (; i < rows.size() && rows[i].series == series; ++i) {
      const VerdictColumns& out = entity.tick(one(rows[i].value));
      BOOST_REQUIRE((out.outcome[0] == Outcome::Scored) == rows[i].is_scored);
      if (!rows[i].is_scored) continue;
      far += std::abs(out.raw[0] - rows[i].raw) > 0.0139 ? 1 : 0;
      BOOST_TEST(std::abs(static_cast<double>(out.expected[0]) - rows[i].expected) < 1.0);
    }
  }
  BOOST_TEST(far < 10U, far << " of 4200 scores differ by more than 1 % of the scale");
}

BOOST_AUTO_TEST_CASE(what_happens_every_day_is_not_new) {
  EntityRig entity = rig(minutes(5));
  core::Rng rng(1);
  const auto value = [&](int t) {
    const bool is_backup = t % 288 >= 100 && t % 288 < 136;  // three hours a day
    return static_cast<float>((is_backup ? 90 : 50) + rng.normal());
  };
  for (int t = 0; t < 288 * 10; ++t) entity.tick(one(value(t)));
  double usual = 0;  // six ticks into the backup, when its beginning is past
  for (int t = 0; t < 288; ++t) {
    const double raw = entity.tick(one(value(t))).raw[0];
    if (t == 106) usual = raw;
  }
  for (int t = 0; t < 200; ++t) entity.tick(one(50));
  double elsewhere = 0;
  for (int t = 0; t < 7; ++t) elsewhere = entity.tick(one(90)).raw[0];
  BOOST_TEST(elsewhere > usual + 0.2);
}

BOOST_AUTO_TEST_CASE(a_season_in_a_time_zone_moves_with_its_clock) {
  Tick tick;
  tick.time = {86'400'000LL * 20'000};
  tick.utc_offset = std::chrono::hours(2);
  BOOST_TEST(tick.local_time().ms == tick.time.ms + 7'200'000);
}

BOOST_AUTO_TEST_CASE(a_constant_has_no_novelty_and_leaving_it_has) {
  EntityRig entity = rig(minutes(1));
  for (int t = 0; t < 200; ++t) entity.tick(one(0.0F));
  BOOST_TEST(entity.out().raw[0] == 0.0);
  BOOST_TEST(entity.tick(one(5.0F)).raw[0] > 1.0);
}

BOOST_AUTO_TEST_CASE(is_silent_for_20_values) {
  EntityRig entity = rig(minutes(1));
  for (int t = 0; t < 20; ++t) {
    BOOST_TEST((entity.tick(one(1.0F)).outcome[0] == Outcome::WarmingUp));
  }
  BOOST_TEST((entity.tick(one(1.0F)).outcome[0] == Outcome::Scored));
}

BOOST_AUTO_TEST_CASE(ticks_from_before_a_restart_do_not_teach_again) {
  auto made = Novelty::create({}, {.metrics = 1, .window = 400, .interval = minutes(1)});
  Detector& detector = **made;
  detector.resize(1);
  core::StateWriter before, after;
  detector.save_entity(0, before);
  series::Windows windows(1, 400);
  windows.resize(1);
  windows.open(0, 1, 1);
  windows.write(0, 0, 0, 1, 5.0F);
  const contract::BlockInput input = one(5.0F);
  Tick tick;
  tick.time = kStart;
  tick.index = 1;
  tick.active = 1;
  tick.repeated = 1;
  tick.values = input.values;
  tick.present = input.present;
  tick.windows = &windows;
  detector.learn(tick, {input.learn});
  detector.save_entity(0, after);
  BOOST_TEST(before.bytes() == after.bytes());
  tick.repeated = 0;
  detector.learn(tick, {input.learn});
  core::StateWriter taught;
  detector.save_entity(0, taught);
  BOOST_TEST(before.bytes() != taught.bytes());
}

BOOST_AUTO_TEST_CASE(damaged_state_is_refused) {
  EntityRig entity = rig(minutes(1));
  for (int t = 0; t < 100; ++t) entity.tick(one(static_cast<float>(t % 7)));
  core::StateWriter out;
  entity.detector().save_entity(0, out);
  for (std::size_t cut = 0; cut < out.bytes().size(); cut += 97) {
    core::StateReader in(std::string_view(out.bytes()).substr(0, cut));
    BOOST_TEST(!entity.detector().restore_entity(0, in).ok());
  }
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused) {
  BOOST_TEST(!NoveltyOptions{.threshold = 0}.validate().ok());
  BOOST_TEST(!NoveltyOptions{.threshold = 3}.validate().ok());
  BOOST_TEST(!NoveltyOptions{.threshold = NAN}.validate().ok());
}

BOOST_AUTO_TEST_CASE(learns_the_same_whether_or_not_it_was_asked_to_judge) {
  core::Rng rng(31);
  EntityRig judging = rig(minutes(5));
  EntityRig silent = rig(minutes(5));
  silent.stop_scoring();
  for (int t = 0; t < 300; ++t) {
    const contract::BlockInput input = one(static_cast<float>(rng.normal()));
    judging.tick(input);
    silent.tick(input);
  }
  core::StateWriter a, b;
  judging.detector().save(0, a);
  silent.detector().save(0, b);
  BOOST_TEST(a.bytes() == b.bytes());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
