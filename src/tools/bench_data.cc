#include "bench_data.h"

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>

namespace anomaly_exporter::tools {

namespace {

/// Bits in the order of a Gorilla stream: highest first.
class BitWriter {
 public:
  explicit BitWriter(std::string& bytes) : bytes_(&bytes) {}

  void put(std::uint64_t value, unsigned count) {
    for (unsigned i = count; i-- > 0;) {
      if (used_ == 8) {
        bytes_->push_back('\0');
        used_ = 0;
      }
      const auto bit = static_cast<unsigned>((value >> i) & 1) << (7 - used_);
      bytes_->back() = static_cast<char>(static_cast<unsigned char>(bytes_->back()) | bit);
      ++used_;
    }
  }

  void put_varint(std::uint64_t value) {
    while (value >= 0x80) {
      put(value | 0x80, 8);
      value >>= 7;
    }
    put(value, 8);
  }

 private:
  std::string* bytes_;
  unsigned used_ = 8;  // bits of the last byte
};

struct Width {
  unsigned prefix, prefix_bits, bits;
};
constexpr Width kWidths[] = {{0b10, 2, 14}, {0b110, 3, 17}, {0b1110, 4, 20}};

void put_delta_of_delta(BitWriter& out, std::int64_t d) {
  if (d == 0) return out.put(0, 1);
  for (const Width& w : kWidths) {
    const std::int64_t most = std::int64_t{1} << (w.bits - 1);
    if (d > -most && d <= most) {
      out.put(w.prefix, w.prefix_bits);
      return out.put(static_cast<std::uint64_t>(d), w.bits);
    }
  }
  out.put(0b1111, 4);
  out.put(static_cast<std::uint64_t>(d), 64);
}

/// The significant bits of the last XOR that was written with a window of its own.
struct Window {
  unsigned leading = 0, trailing = 0;
  bool exists = false;
};

void put_xor(BitWriter& out, std::uint64_t x, Window& window) {
  if (x == 0) return out.put(0, 1);
  const auto leading = static_cast<unsigned>(std::min(std::countl_zero(x), 31));
  const auto trailing = static_cast<unsigned>(std::countr_zero(x));
  if (window.exists && leading >= window.leading && trailing >= window.trailing) {
    out.put(0b10, 2);
  } else {
    window = {.leading = leading, .trailing = trailing, .exists = true};
    out.put(0b11, 2);
    out.put(leading, 5);
    out.put(64 - leading - trailing, 6);  // the low six bits: 64 becomes 0
  }
  out.put(x >> window.trailing, 64 - window.leading - window.trailing);
}

double rounded(double value, double steps) { return std::round(value * steps) / steps; }

}  // namespace

double thread_cpu_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

std::size_t resident_bytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void flush_caches() {
  constexpr std::size_t kBytes = 320U << 20;
  constexpr std::size_t kLine = 64;
  std::vector<unsigned char> buffer(kBytes);
  for (std::size_t i = 0; i < kBytes; i += kLine) {
    volatile unsigned char* line = &buffer[i];
    *line = static_cast<unsigned char>(*line + 1);
  }
}

std::vector<series::Sample> random_series(core::Rng& rng, std::size_t kind, std::size_t samples) {
  constexpr core::Timestamp kFrom{1'700'000'000'123};
  constexpr core::Duration kStep = std::chrono::seconds(15);
  std::vector<series::Sample> out(samples);
  double level = 50 + 10 * rng.normal();
  double counter = static_cast<double>(rng.below(1'000'000));
  for (std::size_t i = 0; i < samples; ++i) {
    level += 0.2 * rng.normal();
    counter += static_cast<double>(rng.below(200));
    const double noisy = level + rng.normal();
    const double values[] = {counter, noisy / 97, rounded(noisy, 10), rounded(noisy, 1e4)};
    out[i] = {kFrom + kStep * static_cast<std::int64_t>(i), values[kind % 4]};
  }
  return out;
}

std::string encode_xor_chunk(std::span<const series::Sample> samples) {
  std::string out;
  BitWriter bits(out);
  bits.put(samples.size(), 16);
  Window window;
  std::int64_t delta = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::int64_t time = samples[i].time.ms;
    const auto value = std::bit_cast<std::uint64_t>(samples[i].value);
    if (i == 0) {
      bits.put_varint(static_cast<std::uint64_t>(time) << 1);  // zig-zag of a time after 1970
      bits.put(value, 64);
      continue;
    }
    const std::int64_t new_delta = time - samples[i - 1].time.ms;
    if (i == 1) {
      bits.put_varint(static_cast<std::uint64_t>(new_delta));
    } else {
      put_delta_of_delta(bits, new_delta - delta);
    }
    delta = new_delta;
    put_xor(bits, value ^ std::bit_cast<std::uint64_t>(samples[i - 1].value), window);
  }
  return out;
}

core::LabelsPtr node_labels(std::size_t entity, std::size_t metric) {
  const std::string number = std::to_string(entity);
  auto labels = core::Labels::create({{"__name__", "node_bench_" + std::to_string(metric)},
                                      {"cluster", "cluster-" + std::to_string(entity % 16)},
                                      {"instance", "node-" + number + ".example.com:9100"},
                                      {"job", "node"},
                                      {"rack", "rack-" + std::to_string(entity / 40)}});
  return std::make_shared<const core::Labels>(std::move(labels).value());
}

}  // namespace anomaly_exporter::tools
