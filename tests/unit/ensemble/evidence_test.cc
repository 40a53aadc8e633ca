#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "anomaly_exporter/ensemble/evidence.h"

namespace anomaly_exporter::ensemble {
namespace {

using std::chrono::minutes;

constexpr core::Timestamp kStart{1'700'000'000'000};

/// One entity, moved on tick by tick.
class Entity {
 public:
  explicit Entity(std::size_t metrics = 1, core::Duration step = minutes(5))
      : columns_(metrics, step), metrics_(metrics), step_(step) {
    columns_.resize(1);
  }
  Condition tick(double novelty, double excess = 0) {
    time_ = time_ + step_;
    return columns_.advance(0, time_, {novelty, excess, metrics_});
  }
  Condition quiet(int ticks) {
    Condition last;
    for (int i = 0; i < ticks; ++i) last = tick(0);
    return last;
  }
  EvidenceColumns& columns() { return columns_; }

 private:
  EvidenceColumns columns_;
  std::size_t metrics_;
  core::Duration step_;
  core::Timestamp time_ = kStart;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(evidence_test)

BOOST_AUTO_TEST_CASE(nothing_amounts_to_nothing) {
  Entity entity;
  const Condition condition = entity.quiet(500);
  BOOST_TEST(condition.state == 0.0);
  BOOST_TEST(condition.onset == 0.0);
  BOOST_TEST(condition.score == 0.0);
}

BOOST_AUTO_TEST_CASE(an_onset_stands_for_one_tick_and_the_state_for_many) {
  Entity entity;
  entity.quiet(300);
  const Condition first = entity.tick(1.0, 5);
  BOOST_TEST(first.onset > 1.0);
  const Condition second = entity.tick(0.9, 5);
  BOOST_TEST(second.onset == 0.0);
  BOOST_TEST(second.state > first.state);
  BOOST_TEST(entity.quiet(10).state > 0.1);
  BOOST_TEST(entity.quiet(500).state < 1e-6);
}

BOOST_AUTO_TEST_CASE(what_is_smaller_than_the_last_hours_is_no_onset) {
  Entity entity;
  entity.quiet(300);
  BOOST_TEST(entity.tick(1.0).onset > 0.0);
  entity.quiet(100);  // 500 minutes
  BOOST_TEST(entity.tick(0.9).onset == 0.0);
  BOOST_TEST(entity.tick(1.1).onset > 0.0);  // larger than all
  entity.quiet(240);                         // 20 hours: longer than the hold
  BOOST_TEST(entity.tick(0.9).onset > 0.0);
}

BOOST_AUTO_TEST_CASE(what_recurs_tires) {
  Entity entity;
  entity.quiet(300);
  double before = 10;
  for (int day = 0; day < 6; ++day) {
    const double onset = entity.tick(1.0).onset;
    BOOST_TEST(onset < before);
    BOOST_TEST(onset > 0.3);
    before = onset;
    entity.quiet(287);
  }
  BOOST_TEST(entity.tick(1.3).onset > 1.25);  // a larger one is not like them
}

BOOST_AUTO_TEST_CASE(a_small_novelty_is_no_onset) {
  Entity entity;
  entity.quiet(300);
  BOOST_TEST(entity.tick(0.15).onset == 0.0);
}

BOOST_AUTO_TEST_CASE(many_metrics_alarm_by_their_state) {
  Entity one(1);
  Entity many(20);
  one.quiet(300);
  many.quiet(300);
  const Condition alone = one.tick(1.0);
  const Condition together = many.tick(1.0);
  BOOST_TEST(alone.score - alone.state > 10.0);
  BOOST_TEST(together.score - 4 * together.state < 0.1);
}

BOOST_AUTO_TEST_CASE(score_rises_with_the_evidence) {
  double before = -1;
  for (const double novelty : {0.0, 0.1, 0.3, 0.6, 1.0, 1.3}) {
    Entity entity;
    entity.quiet(300);
    const double score = entity.tick(novelty, novelty * 10).score;
    BOOST_TEST(score > before);
    before = score;
  }
}

BOOST_AUTO_TEST_CASE(blame_falls_by_a_tenth_a_tick) {
  Entity entity(2);
  BOOST_TEST(entity.columns().blame(0, 1, 5.0) == 5.0);
  BOOST_TEST(entity.columns().blame(0, 1, 0.0) == 4.5, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(entity.columns().blame(0, 0, 0.0) == 0.0);
}

BOOST_AUTO_TEST_CASE(restored_it_continues_to_the_bit) {
  Entity a;
  a.quiet(50);
  a.tick(1.0, 3);
  a.tick(0.5, 3);
  Entity b;
  b.quiet(52);  // the same time
  core::StateWriter out;
  a.columns().save(0, out);
  core::StateReader in(out.bytes());
  BOOST_REQUIRE(b.columns().restore(0, in).ok());
  for (int t = 0; t < 300; ++t) {
    const double novelty = t % 37 == 0 ? 1.0 : 0.01;
    const Condition x = a.tick(novelty);
    const Condition y = b.tick(novelty);
    BOOST_REQUIRE_EQUAL(x.score, y.score);
    BOOST_REQUIRE_EQUAL(x.onset, y.onset);
  }
}

BOOST_AUTO_TEST_CASE(damaged_state_is_refused_and_changes_nothing) {
  Entity entity;
  entity.quiet(10);
  entity.tick(1.0);
  core::StateWriter before;
  entity.columns().save(0, before);
  std::string newer = before.bytes();
  newer[0] = 9;
  std::string negative = before.bytes();
  negative[4] = static_cast<char>(0xbf);  // sign of the first float
  for (const std::string& bytes : {newer, negative, before.bytes().substr(0, 50)}) {
    core::StateReader in(bytes);
    BOOST_TEST(!entity.columns().restore(0, in).ok());
    core::StateWriter after;
    entity.columns().save(0, after);
    BOOST_TEST(after.bytes() == before.bytes());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::ensemble
