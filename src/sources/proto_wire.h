#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace anomaly_exporter::sources::wire {

/// Wire types of protocol buffers. Source: protobuf.dev/programming-guides/encoding.
enum class Type : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

/// One field of a message, value included: unknown fields cost their decoding and are then ignored.
struct Field {
  std::uint64_t number = 0;
  Type type = Type::Varint;
  std::uint64_t scalar = 0;  ///< Varint, Fixed64, Fixed32
  std::string_view bytes;    ///< Bytes: the payload
  std::string_view raw;      ///< tag, length and payload as they came

  [[nodiscard]] bool is_bytes(std::uint64_t n) const { return number == n && type == Type::Bytes; }
  [[nodiscard]] bool is_varint(std::uint64_t n) const {
    return number == n && type == Type::Varint;
  }
  [[nodiscard]] bool is_double(std::uint64_t n) const {
    return number == n && type == Type::Fixed64;
  }
};

/// Reads the fields of one message in order. Every length is checked against the bytes at hand.
///
/// Errors: `next` returns false at the end and at the first malformed field; `problem()` tells the
/// two apart. Groups are refused (the messages read here have none). Threads: one at a time.
class Reader {
 public:
  explicit Reader(std::string_view message)
      : begin_(message.data()), at_(message.data()), end_(message.data() + message.size()) {}

  bool next(Field& field) {
    if (at_ == end_ || problem_ != nullptr) return false;
    const char* const start = at_;
    std::uint64_t tag = 0;
    if (!varint(tag)) return false;
    field.number = tag >> 3;
    if (field.number == 0 || field.number > kMaxFieldNumber) return fail("bad field number");
    switch (tag & 7) {
      case 0:
        field.type = Type::Varint;
        if (!varint(field.scalar)) return false;
        break;
      case 1:
        field.type = Type::Fixed64;
        if (!fixed<std::uint64_t>(field.scalar)) return false;
        break;
      case 2: {
        field.type = Type::Bytes;
        std::uint64_t size = 0;
        if (!varint(size)) return false;
        if (size > static_cast<std::uint64_t>(end_ - at_)) return fail("length beyond the message");
        field.bytes = {at_, static_cast<std::size_t>(size)};
        at_ += size;
        break;
      }
      case 5:
        field.type = Type::Fixed32;
        if (!fixed<std::uint32_t>(field.scalar)) return false;
        break;
      case 3:
      case 4:
        return fail("group");
      default:
        return fail("unknown wire type");
    }
    field.raw = {start, static_cast<std::size_t>(at_ - start)};
    return true;
  }

  /// What is wrong with the message, or null.
  [[nodiscard]] const char* problem() const { return problem_; }
  /// Bytes read so far.
  [[nodiscard]] std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  static constexpr std::uint64_t kMaxFieldNumber = (1ULL << 29) - 1;

  bool fail(const char* problem) {
    problem_ = problem;
    return false;
  }

  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at_ == end_) return fail("truncated varint");
      const auto byte = static_cast<unsigned char>(*at_++);
      if (shift == 63 && byte > 1) {
        return fail(byte < 0x80 ? "varint over 64 bits" : "varint over 10 bytes");
      }
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
  }

  template <class T>
  bool fixed(std::uint64_t& value) {
    if (static_cast<std::size_t>(end_ - at_) < sizeof(T)) return fail("truncated number");
    value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i) {  // little-endian; compilers make one load of it
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(at_[i])) << (8 * i);
    }
    at_ += sizeof(T);
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* problem_ = nullptr;
};

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline void append_varint_field(std::string& out, unsigned number, std::uint64_t value) {
  append_varint(out, number << 3);
  append_varint(out, value);
}

inline void append_bytes_field(std::string& out, unsigned number, std::string_view bytes) {
  append_varint(out, (number << 3) | 2);
  append_varint(out, bytes.size());
  out.append(bytes);
}

}  // namespace anomaly_exporter::sources::wire
