#include "anomaly_exporter/core/state_io.h"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace anomaly_exporter::core {
namespace {

template <std::size_t Size>
struct UnsignedOf;
template <>
struct UnsignedOf<1> {
  using type = std::uint8_t;
};
template <>
struct UnsignedOf<2> {
  using type = std::uint16_t;
};
template <>
struct UnsignedOf<4> {
  using type = std::uint32_t;
};
template <>
struct UnsignedOf<8> {
  using type = std::uint64_t;
};

// Written byte by byte for every byte order; compilers make one plain store or load of it.
template <class T>
void store(char* out, T value) {
  const auto bits = std::bit_cast<typename UnsignedOf<sizeof(T)>::type>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<char>(static_cast<unsigned char>(bits >> (8 * i)));
  }
}

template <class T>
T load(const char* in) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits |= std::uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
  }
  return std::bit_cast<T>(static_cast<typename UnsignedOf<sizeof(T)>::type>(bits));
}

template <class T>
void append_value(std::string& bytes, T value) {
  char raw[sizeof(T)];
  store(raw, value);
  bytes.append(raw, sizeof raw);
}

template <class T>
void append_values(std::string& bytes, std::span<const T> values) {
  append_value(bytes, static_cast<std::uint64_t>(values.size()));
  std::size_t at = bytes.size();
  bytes.resize(at + values.size() * sizeof(T));
  for (const T value : values) {
    store(bytes.data() + at, value);
    at += sizeof(T);
  }
}

template <class T>
T load_or_zero(const char* in) {
  return in == nullptr ? T{} : load<T>(in);
}

template <class T>
void load_or_zero(const char* in, std::span<T> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = in == nullptr ? T{} : load<T>(in + i * sizeof(T));
  }
}

}  // namespace

void StateWriter::u8(std::uint8_t v) { append_value(bytes_, v); }
void StateWriter::u16(std::uint16_t v) { append_value(bytes_, v); }
void StateWriter::u32(std::uint32_t v) { append_value(bytes_, v); }
void StateWriter::u64(std::uint64_t v) { append_value(bytes_, v); }
void StateWriter::f32(float v) { append_value(bytes_, v); }
void StateWriter::f64(double v) { append_value(bytes_, v); }

void StateWriter::text(std::string_view v) {
  u32(static_cast<std::uint32_t>(v.size()));
  bytes_.append(v);
}

void StateWriter::u16s(std::span<const std::uint16_t> v) { append_values(bytes_, v); }
void StateWriter::u32s(std::span<const std::uint32_t> v) { append_values(bytes_, v); }
void StateWriter::u64s(std::span<const std::uint64_t> v) { append_values(bytes_, v); }
void StateWriter::f32s(std::span<const float> v) { append_values(bytes_, v); }
void StateWriter::f64s(std::span<const double> v) { append_values(bytes_, v); }

std::uint8_t StateReader::u8() { return load_or_zero<std::uint8_t>(take(1)); }
std::uint16_t StateReader::u16() { return load_or_zero<std::uint16_t>(take(2)); }
std::uint32_t StateReader::u32() { return load_or_zero<std::uint32_t>(take(4)); }
std::uint64_t StateReader::u64() { return load_or_zero<std::uint64_t>(take(8)); }
float StateReader::f32() { return load_or_zero<float>(take(4)); }
double StateReader::f64() { return load_or_zero<double>(take(8)); }

std::string_view StateReader::text() {
  const std::size_t size = u32();
  const char* at = take(size);
  return at == nullptr ? std::string_view() : std::string_view(at, size);
}

void StateReader::u16s(std::span<std::uint16_t> out) {
  load_or_zero(take_array(out.size(), 2), out);
}
void StateReader::u32s(std::span<std::uint32_t> out) {
  load_or_zero(take_array(out.size(), 4), out);
}
void StateReader::u64s(std::span<std::uint64_t> out) {
  load_or_zero(take_array(out.size(), 8), out);
}
void StateReader::f32s(std::span<float> out) { load_or_zero(take_array(out.size(), 4), out); }
void StateReader::f64s(std::span<double> out) { load_or_zero(take_array(out.size(), 8), out); }

void StateReader::fail(std::string_view why) {
  if (!ok()) return;
  status_ = Error{ErrorCode::Corrupt, "byte " + std::to_string(at_) + ": " + std::string(why)};
}

const char* StateReader::take(std::size_t n) {
  if (ok() && n > remaining()) {
    fail(std::to_string(n) + " bytes wanted, " + std::to_string(remaining()) + " left");
  }
  if (!ok()) return nullptr;
  const char* taken = bytes_.data() + at_;
  at_ += n;
  return taken;
}

const char* StateReader::take_array(std::size_t count, std::size_t element_bytes) {
  const std::uint64_t stored = u64();
  if (ok() && stored != count) {
    fail("array of " + std::to_string(stored) + " elements, " + std::to_string(count) +
         " expected");
  }
  return take(count * element_bytes);
}

}  // namespace anomaly_exporter::core
