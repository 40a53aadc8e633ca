#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>

#include "anomaly_exporter/series/sample.h"

namespace anomaly_exporter::support {

/// Writes XOR chunks of Prometheus for tests: the plainest encoder of the format described in
/// sources/xor_chunk.h, bit by bit. REQUIRES: at most 65535 samples, none empty.
class XorEncoder {
 public:
  static std::string encode(std::span<const series::Sample> samples) {
    XorEncoder encoder;
    encoder.bytes_.push_back(static_cast<char>(samples.size() >> 8));
    encoder.bytes_.push_back(static_cast<char>(samples.size() & 0xff));
    for (std::size_t i = 0; i < samples.size(); ++i) encoder.append(i, samples[i]);
    return encoder.bytes_;
  }

 private:
  void append(std::size_t index, const series::Sample& sample) {
    const auto time = static_cast<std::uint64_t>(sample.time.ms);
    const auto value = std::bit_cast<std::uint64_t>(sample.value);
    const std::uint64_t delta = time - time_;
    if (index == 0) {
      varint(time << 1 ^ (sample.time.ms < 0 ? ~0ULL : 0));  // zig-zag
      bits(value, 64);
    } else {
      if (index == 1) {
        varint(delta);
      } else {
        delta_of_delta(static_cast<std::int64_t>(delta - delta_));
      }
      difference(value ^ value_);
      delta_ = delta;
    }
    time_ = time;
    value_ = value;
  }

  void delta_of_delta(std::int64_t d) {
    const auto fits = [d](unsigned n) {
      return d >= -((std::int64_t{1} << (n - 1)) - 1) && d <= std::int64_t{1} << (n - 1);
    };
    if (d == 0) {
      bits(0, 1);
    } else if (fits(14)) {
      bits(0b10, 2), bits(static_cast<std::uint64_t>(d), 14);
    } else if (fits(17)) {
      bits(0b110, 3), bits(static_cast<std::uint64_t>(d), 17);
    } else if (fits(20)) {
      bits(0b1110, 4), bits(static_cast<std::uint64_t>(d), 20);
    } else {
      bits(0b1111, 4), bits(static_cast<std::uint64_t>(d), 64);
    }
  }

  void difference(std::uint64_t x) {
    if (x == 0) return bits(0, 1);
    const unsigned leading = std::min(31, std::countl_zero(x));
    const auto trailing = static_cast<unsigned>(std::countr_zero(x));
    if (has_window_ && leading >= leading_ && trailing >= trailing_) {
      bits(0b10, 2);
    } else {
      leading_ = leading;
      trailing_ = trailing;
      has_window_ = true;
      bits(0b11, 2);
      bits(leading, 5);
      bits((64 - leading - trailing) & 63, 6);  // 64 is written as 0
    }
    bits(x >> trailing_, 64 - leading_ - trailing_);
  }

  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bits((value & 0x7f) | 0x80, 8);
    bits(value, 8);
  }

  /// The lowest `count` bits of `value`, highest first.
  void bits(std::uint64_t value, unsigned count) {
    while (count-- > 0) {
      if (free_ == 0) {
        bytes_.push_back(0);
        free_ = 8;
      }
      --free_;
      const auto bit = static_cast<unsigned>(value >> count & 1);
      bytes_.back() = static_cast<char>(static_cast<unsigned char>(bytes_.back()) | bit << free_);
    }
  }

  std::string bytes_;
  unsigned free_ = 0;  // unwritten bits of the last byte
  std::uint64_t time_ = 0;
  std::uint64_t delta_ = 0;
  std::uint64_t value_ = 0;
  bool has_window_ = false;
  unsigned leading_ = 0;
  unsigned trailing_ = 0;
};

}  // namespace anomaly_exporter::support
