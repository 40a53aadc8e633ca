// Restores windows or a profile from arbitrary bytes. The first byte chooses which; the rest is the
// state. What is accepted must be usable, and must save to the bytes it came from.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "anomaly_exporter/series/profiles.h"
#include "anomaly_exporter/series/windows.h"

namespace {

using namespace anomaly_exporter;
using series::Profiles;
using series::StripView;
using series::Windows;

constexpr std::size_t kMostBytes = 1 << 16;
constexpr std::size_t kMetrics = 2;
constexpr std::size_t kEntities = 5;

void require(bool holds) {
  if (!holds) std::abort();
}

void try_windows(std::string_view bytes) {
  Windows windows(kMetrics, 4);
  windows.resize(kEntities);
  core::StateReader in(bytes);
  if (!windows.restore(0, in)) return;
  core::StateWriter out;
  windows.save(0, out);
  require(out.bytes() == bytes.substr(0, bytes.size() - in.remaining()));
  for (std::size_t metric = 0; metric < kMetrics; ++metric) {
    const StripView strip = windows.strip(0, metric);
    for (std::size_t slot = 0; slot < strip.slots; ++slot) {
      require((strip.learned[slot] & ~strip.present[slot]) == 0);
      for (series::LaneMask lanes = strip.present[slot]; lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
        require(lane < strip.stride && std::isfinite(strip.values[slot * strip.stride + lane]));
      }
    }
  }
  windows.open(0, 7, ~series::LaneMask{0});
  windows.write(0, 1, 4, 7, 1.0F);
  windows.resize(100);
}

void try_profile(std::string_view bytes) {
  Profiles profiles;
  profiles.resize(series::kLanes);
  core::StateReader in(bytes);
  if (!profiles.restore(0, in)) return;
  core::StateWriter out;
  profiles.save(0, out);
  require(out.bytes() == bytes.substr(0, bytes.size() - in.remaining()));
  const core::Timestamp now{1'700'000'000'000};
  for (int i = 0; i < 4; ++i) {
    profiles.observe(0, now + i * Profiles::kStep, 1e30F);
    profiles.fill(0, core::Timestamp{0} + i * Profiles::kStep, -1e-30F);
  }
  for (std::size_t hour = 0; hour < Profiles::kHours; ++hour) {
    float centre = 0;
    float scale = 0;
    const core::Timestamp time = now + std::chrono::hours(static_cast<std::int64_t>(hour));
    if (!profiles.usual(0, time, centre, scale)) continue;
    require(std::isfinite(centre) && std::isfinite(scale) && scale >= 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > kMostBytes) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 2 == 0) {
    try_windows(bytes);
  } else {
    try_profile(bytes);
  }
  return 0;
}
