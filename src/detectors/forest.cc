#include "forest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

namespace anomaly_exporter::detectors {
namespace {

constexpr double kPathUnit = 65536.0;
/// No path is longer than 12 splits and c(4096) = 15.8.
constexpr std::uint32_t kLongestPath = 32U << 16;
constexpr std::uint32_t kFeatureMask = (1U << stats::kSplitFeatureBits) - 1;

float value_of(std::uint32_t word) { return std::bit_cast<float>(word); }

/// The split that sends everything left.
const std::uint32_t kAllLeft = stats::split_word(std::numeric_limits<float>::max(), 0);

std::uint32_t path_in_units(std::size_t depth, std::size_t vectors) {
  const double length = static_cast<double>(depth) + average_path_length(vectors);
  return static_cast<std::uint32_t>(std::lround(length * kPathUnit));
}

/// Grows one tree into its words.
class Grower {
 public:
  Grower(const VectorTable& table, double margin, std::size_t depth, std::uint32_t* words,
         core::Rng& rng)
      : table_(&table), margin_(margin), depth_(depth), words_(words), rng_(&rng) {
    features_.resize(table.features);
    std::iota(features_.begin(), features_.end(), std::size_t{0});
  }

  void grow(std::span<std::size_t> rows) { split(rows, 1, 0); }

 private:
  void split(std::span<std::size_t> rows, std::size_t node, std::size_t level) {
    if (rows.size() <= 1 || level == depth_) return end(rows.size(), node, level);
    std::uint32_t word = 0;
    if (!choose(rows, word)) return end(rows.size(), node, level);
    words_[node] = word;
    const std::size_t feature = word & kFeatureMask;
    const auto middle = std::partition(rows.begin(), rows.end(), [&](std::size_t row) {
      return !(table_->at(row, feature) > value_of(word));
    });
    const auto left = static_cast<std::size_t>(middle - rows.begin());
    split(rows.first(left), 2 * node, level + 1);
    split(rows.subspan(left), 2 * node + 1, level + 1);
  }

  /// A random split, which without margin leaves vectors on both sides; false where no feature
  /// allows one.
  bool choose(std::span<const std::size_t> rows, std::uint32_t& word) {
    for (std::size_t left = features_.size(); left > 0; --left) {
      std::swap(features_[rng_->below(left)], features_[left - 1]);
      const std::size_t feature = features_[left - 1];
      float least = table_->at(rows[0], feature);
      float most = least;
      for (const std::size_t row : rows) {
        least = std::min(least, table_->at(row, feature));
        most = std::max(most, table_->at(row, feature));
      }
      if (!(least < most)) continue;
      const double range = static_cast<double>(most) - static_cast<double>(least);
      const double place = rng_->uniform() * (1 + 2 * margin_) - margin_;
      word = stats::split_word(static_cast<float>(static_cast<double>(least) + place * range),
                               feature);
      if (margin_ > 0) return true;
      if (value_of(word) >= least && value_of(word) < most) return true;
      // Rounded out of the range: its ends, or the middle of an interval about 0, may do.
      for (const float threshold : {least, (least + most) / 2}) {
        word = stats::split_word(threshold, feature);
        if (value_of(word) >= least && value_of(word) < most) return true;
      }
    }
    return false;
  }

  /// An outer node: all words below it lead to the same leaf.
  void end(std::size_t vectors, std::size_t node, std::size_t level) {
    const std::uint32_t leaf = path_in_units(level, vectors);
    std::size_t first = node;
    std::size_t count = 1;
    for (; level < depth_; ++level, first *= 2, count *= 2) {
      std::fill_n(words_ + first, count, kAllLeft);
    }
    std::fill_n(words_ + first, count, leaf);
  }

  const VectorTable* table_;
  double margin_;
  std::size_t depth_;
  std::uint32_t* words_;
  core::Rng* rng_;
  std::vector<std::size_t> features_;
};

std::size_t depth_for(std::size_t sample) {
  return std::max<std::size_t>(static_cast<std::size_t>(std::bit_width(sample - 1)), 3);
}

}  // namespace

double average_path_length(std::size_t n) {
  if (n < 2) return 0;
  double harmonic = 0;
  for (std::size_t i = n - 1; i > 0; --i) harmonic += 1.0 / static_cast<double>(i);
  return 2.0 * harmonic - 2.0 * static_cast<double>(n - 1) / static_cast<double>(n);
}

core::Error forest_stopped() { return {core::ErrorCode::Unavailable, "training was stopped"}; }

std::size_t Forest::bytes_of(const ForestSize& size) {
  return size.trees * (std::size_t{2} << depth_for(size.sample)) * sizeof(std::uint32_t);
}

Forest::Forest(std::size_t trees, std::size_t sample)
    : trees_(trees),
      sample_(sample),
      depth_(depth_for(sample)),
      per_path_(-1.0 / (kPathUnit * static_cast<double>(trees) * average_path_length(sample))),
      words_(trees * (std::size_t{2} << depth_)) {}

core::Result<Forest> Forest::grow(const VectorTable& table, const ForestSize& size, core::Rng& rng,
                                  const std::function<bool(double)>& progress) {
  Forest forest(size.trees, std::min(size.sample, table.rows()));
  std::vector<std::size_t> rows(table.rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  for (std::size_t tree = 0; tree < forest.trees_; ++tree) {
    for (std::size_t i = 0; i < forest.sample_; ++i) {
      std::swap(rows[i], rows[i + rng.below(rows.size() - i)]);
    }
    std::uint32_t* words = forest.words_.data() + tree * (std::size_t{2} << forest.depth_);
    Grower(table, size.margin, forest.depth_, words, rng)
        .grow(std::span(rows).first(forest.sample_));
    if (!progress(static_cast<double>(tree + 1) / static_cast<double>(forest.trees_))) {
      return forest_stopped();
    }
  }
  return forest;
}

void Forest::score(const float* batch, std::size_t lanes, std::span<double> out) const {
  std::uint32_t sums[stats::kBatchLanes];
  stats::vector_kernels().forest_paths(view(), batch, lanes, sums);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    out[lane] = std::exp2(per_path_ * static_cast<double>(sums[lane]));
  }
}

void Forest::save(core::StateWriter& out) const {
  out.u32(static_cast<std::uint32_t>(trees_));
  out.u32(static_cast<std::uint32_t>(sample_));
  out.u32s(words_);
}

core::Result<Forest> Forest::read(core::StateReader& in, const ForestSize& size,
                                  std::size_t features) {
  const std::size_t trees = in.u32();
  const std::size_t sample = in.u32();
  if (in.ok() && (trees != size.trees || sample > size.sample || sample < kLeastSample)) {
    in.fail("forest of " + std::to_string(trees) + " trees of " + std::to_string(sample) +
            " vectors, not " + std::to_string(size.trees) + " of " + std::to_string(size.sample));
  }
  if (in.ok() && in.remaining() / sizeof(std::uint32_t) < trees * (2U << depth_for(sample))) {
    in.fail("forest is cut short");
  }
  if (!in.ok()) return in.status().error();
  Forest forest(trees, sample);
  in.u32s(forest.words_);
  const std::size_t splits = std::size_t{1} << forest.depth_;
  for (std::size_t i = 0; i < forest.words_.size() && in.ok(); ++i) {
    const std::uint32_t word = forest.words_[i];
    const std::size_t node = i % (2 * splits);
    const bool is_split = node > 0 && node < splits;
    if (is_split && ((word & kFeatureMask) >= features || !std::isfinite(value_of(word)))) {
      in.fail("a tree splits where there is no feature");
    }
    if (!is_split && word > (node == 0 ? 0 : kLongestPath)) in.fail("a path is too long");
  }
  if (!in.ok()) return in.status().error();
  return forest;
}

}  // namespace anomaly_exporter::detectors
