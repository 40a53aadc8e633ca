#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/stats/digest.h"

namespace anomaly_exporter::stats {
namespace {

constexpr LaneMask kOne = 1;
constexpr float kNoFloor = 0;

void add(Digest& digest, float value, float most_weight = Digest::kMostWeight) {
  digest_kernels().add(&digest, 1, &value, kOne, most_weight);
}

// The rule of a digest, step by step: the value becomes a point of its own, and once there are more
// points than places the two neighbours that are lightest for their rank are joined.
struct Plain {
  std::vector<float> mean, sum;

  void add(float value) {
    std::size_t at = 0;
    while (at < mean.size() && mean[at] <= value) ++at;
    const auto place = static_cast<std::ptrdiff_t>(at);
    mean.insert(mean.begin() + place, value);
    sum.insert(sum.begin() + place, at == 0 ? 0.0F : sum[at - 1]);
    for (std::size_t j = at; j < sum.size(); ++j) sum[j] += 1.0F;
    if (mean.size() > Digest::kPoints) join();
  }

  void join() {
    const float total = sum.back();
    std::size_t at = 0;
    float least = sum[1] / (2.0F * total - sum[1]);
    for (std::size_t j = 1; j + 1 < sum.size(); ++j) {
      const float weight = sum[j + 1] - sum[j - 1];
      const float rank = sum[j + 1] + sum[j - 1];
      const float cost = weight * weight / (rank * (2.0F * total - rank));
      if (cost < least) {
        least = cost;
        at = j;
      }
    }
    const float joined = sum[at + 1] - (at == 0 ? 0.0F : sum[at - 1]);
    mean[at] += (mean[at + 1] - mean[at]) * ((sum[at + 1] - sum[at]) / joined);
    mean.erase(mean.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    sum.erase(sum.begin() + static_cast<std::ptrdiff_t>(at));
  }
};

// Share of the values below x: what a quantile should be right about.
double rank_of(const std::vector<float>& values, float x) {
  const auto below = std::ranges::count_if(values, [x](float v) { return v < x; });
  return static_cast<double>(below) / static_cast<double>(values.size());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(digest_test)

BOOST_AUTO_TEST_CASE(a_few_values_are_kept_as_they_are) {
  Digest digest{};
  for (const float v : {5.0F, 1.0F, 3.0F}) add(digest, v);
  BOOST_TEST(digest.used() == 3U);
  BOOST_TEST(digest.mean[0] == 1.0F);
  BOOST_TEST(digest.mean[2] == 5.0F);
  BOOST_TEST(digest.weight() == 3.0F);
  BOOST_TEST(digest_quantile(digest, 0.5F) == 3.0F);
}

BOOST_AUTO_TEST_CASE(quantiles_of_many_families_are_right_in_rank) {
  core::Rng rng(5);
  for (int family = 0; family < 4; ++family) {
    Digest digest{};
    std::vector<float> values;
    for (int i = 0; i < 20'000; ++i) {
      double v = rng.normal();
      if (family == 1) v = std::exp(v);
      if (family == 2) v = rng.uniform();
      if (family == 3) v = i / 100.0 + v;  // drifting
      values.push_back(static_cast<float>(v));
      add(digest, values.back());
    }
    BOOST_TEST(digest.weight() == 20'000.0F);
    for (const double q : {0.05, 0.25, 0.5, 0.75, 0.95}) {
      const double rank = rank_of(values, digest_quantile(digest, static_cast<float>(q)));
      BOOST_TEST(std::abs(rank - q) < 0.012,
                 "family " << family << ", quantile " << q << " is at rank " << rank);
    }
  }
}

BOOST_AUTO_TEST_CASE(excess_is_the_distance_outside_in_ranges) {
  Digest digest{};
  for (int i = 0; i <= 20; ++i) add(digest, static_cast<float>(i));
  const float low = digest_quantile(digest, 0.05F);
  const float high = digest_quantile(digest, 0.95F);
  for (const float value : {-10.0F, 0.0F, 10.0F, 20.0F, 50.0F}) {
    float out = -1;
    digest_kernels().excess(&digest, 1, &value, kOne, 0.05F, &kNoFloor, &out);
    const float far = std::max({low - value, value - high, 0.0F});
    BOOST_TEST(out == far / (high - low), boost::test_tools::tolerance(1e-4F));
  }
}

BOOST_AUTO_TEST_CASE(a_constant_past_counts_a_thousandth_as_its_range) {
  Digest digest{};
  for (int i = 0; i < 100; ++i) add(digest, 50.0F);
  float out = -1;
  const float value = 50.1F;
  digest_kernels().excess(&digest, 1, &value, kOne, 0.05F, &kNoFloor, &out);
  BOOST_TEST(out == 2.0F, boost::test_tools::tolerance(1e-3F));
  const float same = 50.0F;
  digest_kernels().excess(&digest, 1, &same, kOne, 0.05F, &kNoFloor, &out);
  BOOST_TEST(out == 0.0F);
}

BOOST_AUTO_TEST_CASE(both_compilations_give_the_same_bits) {
  core::Rng rng(6);
  std::vector<Digest> base(kLanes), v3(kLanes);
  std::vector<float> values(kLanes), a(kLanes), b(kLanes);
  for (int t = 0; t < 500; ++t) {
    for (float& v : values) v = static_cast<float>(rng.normal() * std::exp(3 * rng.normal()));
    const LaneMask lanes = rng.next();
    digest_kernels(core::CpuLevel::Base).add(base.data(), 1, values.data(), lanes, 200.0F);
    if (core::detected_cpu_level() == core::CpuLevel::V3) {
      digest_kernels(core::CpuLevel::V3).add(v3.data(), 1, values.data(), lanes, 200.0F);
      BOOST_REQUIRE(std::memcmp(base.data(), v3.data(), sizeof(Digest) * kLanes) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(points_are_joined_by_the_plain_rule_to_the_bit) {
  core::Rng rng(8);
  for (int family = 0; family < 3; ++family) {
    Digest digest{};
    Plain plain;
    for (int i = 0; i < 3000; ++i) {
      double v = rng.normal();
      if (family == 1) v = std::round(2 * v);  // ties
      if (family == 2) v = std::exp(4 * v);
      add(digest, static_cast<float>(v));
      plain.add(static_cast<float>(v));
      BOOST_REQUIRE(digest.used() == plain.mean.size());
      BOOST_REQUIRE(std::ranges::equal(plain.mean, std::span(digest.mean, digest.used())));
      BOOST_REQUIRE(std::ranges::equal(plain.sum, std::span(digest.sum, digest.used())));
    }
  }
}

BOOST_AUTO_TEST_CASE(both_compilations_find_the_same_quantiles_and_excess) {
  core::Rng rng(9);
  std::vector<Digest> digests(kLanes);
  std::vector<float> values(kLanes), floor(kLanes);
  struct Found {
    std::vector<float> excess = std::vector<float>(kLanes);
    std::vector<float> low = excess, median = excess, high = excess;
    bool operator==(const Found&) const = default;
  };
  for (int t = 0; t < 60; ++t) {
    for (float& v : values) v = static_cast<float>(rng.normal());
    digest_kernels().add(digests.data(), 1, values.data(), ~LaneMask{0}, 200.0F);
    const auto find = [&](core::CpuLevel level) {
      Found found;
      const DigestKernels& kernels = digest_kernels(level);
      kernels.excess(digests.data(), 1, values.data(), ~LaneMask{0}, 0.05F, floor.data(),
                     found.excess.data());
      kernels.quantiles(digests.data(), 1, ~LaneMask{0}, 0.05F, found.low.data(),
                        found.median.data(), found.high.data());
      return found;
    };
    for (float& v : values) v = static_cast<float>(2 * rng.normal());
    const Found base = find(core::CpuLevel::Base);
    BOOST_TEST((find(core::detected_cpu_level()) == base));
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      BOOST_REQUIRE(base.low[lane] == digest_quantile(digests[lane], 0.05F));
      BOOST_REQUIRE(base.median[lane] == digest_quantile(digests[lane], 0.5F));
      BOOST_REQUIRE(base.high[lane] == digest_quantile(digests[lane], 1.0F - 0.05F));
    }
  }
}

BOOST_AUTO_TEST_CASE(lanes_that_are_not_named_are_not_touched) {
  std::vector<Digest> digests(kLanes);
  std::vector<float> values(kLanes, 1.0F);
  digest_kernels().add(digests.data(), 1, values.data(), 0b101, 200.0F);
  BOOST_TEST(digests[0].used() == 1U);
  BOOST_TEST(digests[1].used() == 0U);
  BOOST_TEST(digests[2].used() == 1U);
}

BOOST_AUTO_TEST_CASE(the_far_past_is_forgotten_by_halves) {
  Digest digest{};
  for (int i = 0; i < 1000; ++i) add(digest, 0.0F, 1000);
  BOOST_TEST(digest.weight() == 1000.0F);
  add(digest, 10.0F, 1000);
  BOOST_TEST(digest.weight() == 500.5F);
  for (int i = 0; i < 300; ++i) add(digest, 10.0F, 1000);
  BOOST_TEST(digest_quantile(digest, 0.5F) == 0.0F);
  for (int i = 0; i < 600; ++i) add(digest, 10.0F, 1000);
  BOOST_TEST(digest_quantile(digest, 0.5F) == 10.0F);
}

BOOST_AUTO_TEST_CASE(restored_it_continues_to_the_bit) {
  core::Rng rng(7);
  Digest digest{};
  for (int i = 0; i < 1000; ++i) add(digest, static_cast<float>(rng.normal()));
  core::StateWriter out;
  save_digest(digest, out);
  core::StateReader in(out.bytes());
  Digest read{};
  restore_digest(in, read);
  BOOST_REQUIRE(in.ok());
  for (int i = 0; i < 100; ++i) {
    const auto v = static_cast<float>(rng.normal());
    add(digest, v);
    add(read, v);
  }
  BOOST_TEST(std::memcmp(digest.mean, read.mean, sizeof(float) * digest.used()) == 0);
  BOOST_TEST(std::memcmp(digest.sum, read.sum, sizeof(float) * digest.used()) == 0);
}

BOOST_AUTO_TEST_CASE(bytes_that_no_digest_wrote_are_corrupt) {
  const auto restored = [](const std::string& bytes) {
    core::StateReader in(bytes);
    Digest digest{};
    restore_digest(in, digest);
    return std::pair(in.ok(), digest.used());
  };
  core::StateWriter many;
  many.u8(200);
  BOOST_TEST(!restored(many.bytes()).first);
  for (const auto& [first, second] : {std::pair{2.0F, 1.0F}, std::pair{1.0F, NAN}}) {
    core::StateWriter out;
    out.u8(2);
    for (const float v : {first, 1.0F, second, 2.0F}) out.f32(v);
    BOOST_TEST(!restored(out.bytes()).first);
    BOOST_TEST(restored(out.bytes()).second == 0U);
  }
  core::StateWriter falling;
  falling.u8(2);
  for (const float v : {1.0F, 5.0F, 2.0F, 3.0F}) falling.f32(v);
  BOOST_TEST(!restored(falling.bytes()).first);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::stats
