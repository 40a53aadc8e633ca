#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::core {

/// Appends fixed-width little-endian values to a byte string. Floats are stored by their bits.
///
/// Threads: one thread at a time. Cost: memcpy.
class StateWriter {
 public:
  void u8(std::uint8_t v);
  void u16(std::uint16_t v);
  void u32(std::uint32_t v);
  void u64(std::uint64_t v);
  void i64(std::int64_t v) { u64(static_cast<std::uint64_t>(v)); }
  void f32(float v);
  void f64(double v);
  /// Length (u32) and bytes. REQUIRES: fewer than 2^32 bytes.
  void text(std::string_view v);
  /// Count (u64) and the raw little-endian elements.
  void u16s(std::span<const std::uint16_t> v);
  void u32s(std::span<const std::uint32_t> v);
  void u64s(std::span<const std::uint64_t> v);
  void f32s(std::span<const float> v);
  void f64s(std::span<const double> v);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what StateWriter wrote. After the first short or impossible read every further read
/// returns zero and `status()` tells where it went wrong, so that callers check once at the end
/// (and before they trust a count). Array reads require the stored count to equal the size of the
/// destination, hence no length from a file ever allocates.
///
/// Borrows `bytes`, which must outlive it.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  float f32();
  double f64();
  std::string_view text();
  void u16s(std::span<std::uint16_t> out);
  void u32s(std::span<std::uint32_t> out);
  void u64s(std::span<std::uint64_t> out);
  void f32s(std::span<float> out);
  void f64s(std::span<double> out);

  /// Bytes not read yet.
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - at_; }
  [[nodiscard]] bool ok() const { return status_.ok(); }
  /// Corrupt with the byte offset of the first bad read.
  [[nodiscard]] Status status() const { return status_; }
  /// Marks the input as corrupt from outside (a value that makes no sense).
  void fail(std::string_view why);

 private:
  /// The next `n` bytes, or null once the input has failed.
  const char* take(std::size_t n);
  /// The elements of an array whose stored count must be `count`, or null.
  const char* take_array(std::size_t count, std::size_t element_bytes);

  std::string_view bytes_;
  std::size_t at_ = 0;
  Status status_;
};

}  // namespace anomaly_exporter::core
