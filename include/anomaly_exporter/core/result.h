#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace anomaly_exporter::core {

/// The closed list of reasons for which an operation fails. Only `Unavailable` and `Timeout` are
/// worth a retry; everything else stays wrong until somebody changes the input.
enum class ErrorCode {
  InvalidArgument,  ///< the caller's value is wrong (bad range, unknown key, HTTP 4xx)
  NotFound,         ///< a named thing does not exist
  Unavailable,      ///< the other side is down or overloaded (connection refused, HTTP 5xx)
  Timeout,          ///< no answer within the deadline
  Corrupt,          ///< bytes that contradict their format (checksum, truncation, bad JSON)
  Exhausted,        ///< a stated limit is reached (response size, series limit)
  Unsupported,      ///< correct, but not offered here (remote-read on a server without it)
  Internal,         ///< our own mistake
};

/// Lower-case name of a code as used in logs and counter labels, e.g. "invalid_argument".
std::string_view to_string(ErrorCode code);

/// A failure: its code and a message that reads from the outside in and names the offending value
/// and its place, e.g. `sources[2].query: range 5m shorter than step 10m`.
struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;

  /// The same failure seen from one level further out: "context: message".
  [[nodiscard]] Error within(std::string_view context) const {
    return {code, std::string(context) + ": " + message};
  }
  /// True for the codes that a later attempt can cure.
  [[nodiscard]] bool is_retryable() const {
    return code == ErrorCode::Unavailable || code == ErrorCode::Timeout;
  }
};

/// Value or `Error`. Implicitly made from either, so that functions `return value;` or
/// `return Error{...};`.
///
/// Errors: none of its own; `value()` on a failed result is a programming error (asserted).
/// Threads: as for T. Cost: one discriminated T.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// REQUIRES: ok().
  [[nodiscard]] const T& value() const& { return assert(ok()), std::get<0>(state_); }
  [[nodiscard]] T& value() & { return assert(ok()), std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return assert(ok()), std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  /// REQUIRES: !ok().
  [[nodiscard]] const Error& error() const { return assert(!ok()), std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

/// Success or `Error` where there is no value to return.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  /// REQUIRES: !ok().
  [[nodiscard]] const Error& error() const { return assert(!ok()), *error_; }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace anomaly_exporter::core
