#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace anomaly_exporter::series {

/// One growable array of plain values: a field of the columnar state, indexed by row.
///
/// Grows with realloc, which the C library turns into a page-table move for large blocks, so
/// growth neither copies gigabytes nor needs twice the memory. New elements are zero.
///
/// Ownership: owns its memory. Threads: one thread at a time for `resize`; elements as plain
/// memory. Errors: std::bad_alloc.
template <class T>
class Column {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Column() = default;
  explicit Column(std::size_t n) { resize(n); }
  Column(Column&& other) noexcept { swap(other); }
  Column& operator=(Column&& other) noexcept {
    swap(other);
    return *this;
  }
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;
  ~Column() { std::free(data_); }

  void resize(std::size_t n) {
    if (n > size_) {
      T* grown = static_cast<T*>(data_ == nullptr ? std::calloc(n, sizeof(T))
                                                  : std::realloc(data_, n * sizeof(T)));
      if (grown == nullptr) throw std::bad_alloc();
      if (data_ != nullptr)
        std::memset(static_cast<void*>(grown + size_), 0, (n - size_) * sizeof(T));
      data_ = grown;
    }
    size_ = n;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return size_ * sizeof(T); }
  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  [[nodiscard]] std::span<T> span() { return {data_, size_}; }
  [[nodiscard]] std::span<const T> span() const { return {data_, size_}; }

 private:
  void swap(Column& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace anomaly_exporter::series
