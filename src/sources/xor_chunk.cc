#include "anomaly_exporter/sources/xor_chunk.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace anomaly_exporter::sources {
namespace {

using Byte = unsigned char;

/// Most bits one sample takes (4 + 64 for the time, 2 + 5 + 6 + 64 for the value), rounded up to
/// bytes, and the bytes that a read of 64 bits touches beyond its start.
constexpr std::size_t kSampleBytes = 19;
constexpr std::size_t kReadBytes = 9;
/// As long as this much lies ahead, a sample is decoded without looking at the end.
constexpr std::size_t kFastBytes = kSampleBytes + kReadBytes;

/// Positions in a bit stream, most significant bit first. Reads do not check the end: callers keep
/// kFastBytes readable ahead of the position.
class BitStream {
 public:
  explicit BitStream(const Byte* data) : data_(data) {}

  /// The next 57 bits or more, left-aligned.
  [[nodiscard]] std::uint64_t peek() const { return load(data_ + (bit_ >> 3)) << (bit_ & 7); }

  /// The next 64 bits.
  [[nodiscard]] std::uint64_t peek64() const {
    const Byte* const at = data_ + (bit_ >> 3);
    const auto shift = static_cast<unsigned>(bit_ & 7);
    // The ninth byte moved in two steps, because a shift by 8 - 0 must yield nothing.
    return (load(at) << shift) | (static_cast<std::uint64_t>(at[8]) >> (8 - shift));
  }

  void skip(std::size_t bits) { bit_ += bits; }
  [[nodiscard]] std::size_t bit() const { return bit_; }
  void rebase(const Byte* data, std::size_t bit) {
    data_ = data;
    bit_ = bit;
  }

 private:
  static std::uint64_t load(const Byte* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
    return word;
  }

  const Byte* data_;
  std::size_t bit_ = 0;
};

/// Decoder state between samples; arithmetic wraps, as corrupt deltas may overflow.
struct State {
  std::uint64_t time = 0;
  std::uint64_t delta = 0;
  std::uint64_t value = 0;
  unsigned width = 64;    ///< significant bits of the window
  unsigned trailing = 0;  ///< zeros right of the window

  [[nodiscard]] series::Sample sample() const {
    return {{static_cast<std::int64_t>(time)}, std::bit_cast<double>(value)};
  }
};

/// Reads a value; `ahead` holds at least 13 valid bits at the stream's position. False: impossible
/// window.
inline bool read_value(BitStream& in, std::uint64_t ahead, State& state) {
  if ((ahead >> 63) == 0) {
    in.skip(1);
    return true;
  }
  if ((ahead >> 62) == 2) {
    in.skip(2);
  } else {
    const unsigned leading = static_cast<unsigned>(ahead >> 57) & 31;
    const unsigned coded_width = static_cast<unsigned>(ahead >> 51) & 63;
    state.width = coded_width == 0 ? 64 : coded_width;
    if (leading + state.width > 64) return false;
    state.trailing = 64 - leading - state.width;
    in.skip(13);
  }
  // Windows of more than 57 bits are rare; the others need one load.
  const std::uint64_t next = state.width <= 57 ? in.peek() : in.peek64();
  state.value ^= (next >> (64 - state.width)) << state.trailing;
  in.skip(state.width);
  return true;
}

/// Reads a sample from the third on.
inline bool read_sample(BitStream& in, State& state) {
  std::uint64_t ahead = in.peek();
  unsigned used = 1;
  if ((ahead >> 63) != 0) {
    struct Class {
      unsigned prefix, bits;
    };
    static constexpr std::array<Class, 3> kClasses = {{{2, 14}, {3, 17}, {4, 20}}};
    const unsigned ones = static_cast<unsigned>(std::countl_one(ahead));
    if (ones >= 4) {
      in.skip(4);
      state.delta += in.peek64();
      in.skip(64);
      ahead = in.peek();
      used = 0;
    } else {
      const Class c = kClasses[ones - 1];
      const std::uint64_t coded = (ahead << c.prefix) >> (64 - c.bits);
      // Codes above 2^(bits-1) are negative; 2^(bits-1) itself is positive.
      const std::uint64_t wrap = coded > (1ULL << (c.bits - 1)) ? 1ULL << c.bits : 0;
      state.delta += coded - wrap;
      used = c.prefix + c.bits;
    }
  }
  in.skip(used);
  state.time += state.delta;
  return read_value(in, ahead << used, state);
}

/// Little-endian base-128 number of at most 10 bytes from a byte-aligned position.
bool read_uvarint(const Byte* data, std::size_t size, std::size_t& at, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at == size) return false;
    const Byte byte = data[at++];
    if (shift == 63 && byte > 1) return false;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

core::Error corrupt(std::size_t index, std::size_t count, const char* what) {
  return {core::ErrorCode::Corrupt, "xor chunk: sample " + std::to_string(index + 1) + " of " +
                                        std::to_string(count) + ": " + what};
}

/// Decodes samples from index 1 on out of `size` bytes at `data`, where `at` is the byte position
/// of the second sample. Writes to `out[1...]`; `out[0]` is set.
core::Status decode_rest(const Byte* data, std::size_t size, std::size_t at, std::size_t count,
                         State state, series::Sample* out) {
  if (!read_uvarint(data, size, at, state.delta)) return corrupt(1, count, "truncated");
  state.time += state.delta;

  // The last bytes are decoded from a copy that is followed by zeros, so that no read needs a
  // check; whether a sample lay within the stream is then seen from the position behind it.
  BitStream in(data);
  in.skip(at * 8);
  std::array<Byte, 2 * kFastBytes + kReadBytes> tail{};
  std::size_t end_bit = size * 8;
  bool in_tail = false;
  for (std::size_t i = 1; i < count; ++i) {
    if (!in_tail && (in.bit() >> 3) + kFastBytes > size) {
      const std::size_t first = in.bit() >> 3;
      if (first < size) std::memcpy(tail.data(), data + first, size - first);
      end_bit -= first * 8;
      in.rebase(tail.data(), in.bit() & 7);
      in_tail = true;
    }
    const bool possible = i == 1 ? read_value(in, in.peek(), state) : read_sample(in, state);
    if (!possible) return corrupt(i, count, "window wider than 64 bits");
    if (in_tail && in.bit() > end_bit) return corrupt(i, count, "truncated");
    out[i] = state.sample();
  }
  return {};
}

}  // namespace

core::Status decode_xor_chunk(std::string_view chunk, std::vector<series::Sample>& out) {
  const auto* const data = reinterpret_cast<const Byte*>(chunk.data());
  const std::size_t size = chunk.size();
  if (size < 2) return core::Error{core::ErrorCode::Corrupt, "xor chunk: no header"};
  const std::size_t count = static_cast<std::size_t>(data[0]) << 8 | data[1];
  if (count == 0) return {};

  std::size_t at = 2;
  std::uint64_t zigzag = 0;
  if (!read_uvarint(data, size, at, zigzag) || size - at < 8) {
    return corrupt(0, count, "truncated");
  }
  State state;
  state.time = (zigzag >> 1) ^ (0 - (zigzag & 1));
  for (int i = 0; i < 8; ++i) state.value = state.value << 8 | data[at++];
  if ((count - 1) * 2 > (size - at) * 8) return corrupt(count - 1, count, "truncated");

  const std::size_t before = out.size();
  out.resize(before + count);
  out[before] = state.sample();
  if (count == 1) return {};
  core::Status status = decode_rest(data, size, at, count, state, out.data() + before);
  if (!status.ok()) out.resize(before);
  return status;
}

}  // namespace anomaly_exporter::sources
