#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <set>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/net/error_text.h"
#include "anomaly_exporter/sources/csv_source.h"

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

/// Bounds against files that are not what they seem, e.g. a gzip bomb.
constexpr std::size_t kMaxFileBytes = 4ULL << 30U;
constexpr std::size_t kMaxColumns = 10'000;
/// Text of a cell shown in a message.
constexpr std::size_t kMaxShownCell = 40;

Result<std::string> read_whole(const std::string& path) {
  struct Close {
    void operator()(gzFile file) const { gzclose_r(file); }
  };
  errno = 0;
  const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rb"));
  if (!file) {
    const int why = errno;
    return Error{why == ENOENT ? ErrorCode::NotFound : ErrorCode::Unavailable,
                 path + ": " + std::strerror(why)};
  }
  constexpr unsigned kPiece = 1U << 20U;
  gzbuffer(file.get(), 1U << 17U);
  std::string bytes;
  for (;;) {
    const std::size_t before = bytes.size();
    if (before > kMaxFileBytes) return Error{ErrorCode::Exhausted, path + ": larger than 4 GiB"};
    bytes.resize(before + kPiece);
    const int n = gzread(file.get(), bytes.data() + before, kPiece);
    bytes.resize(before + static_cast<std::size_t>(std::max(n, 0)));
    if (n <= 0) break;
  }
  int code = Z_OK;
  const char* why = gzerror(file.get(), &code);
  if (code == Z_ERRNO) return Error{ErrorCode::Unavailable, path + ": " + why};
  if (code != Z_OK && code != Z_STREAM_END) {
    return Error{ErrorCode::Corrupt, path + ": bad gzip data: " + why};
  }
  if (path.ends_with(".gz") && gzdirect(file.get()) != 0) {
    return Error{ErrorCode::Corrupt, path + ": not gzip data"};
  }
  return bytes;
}

/// Takes the text up to the next `separator`, and the separator.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return part;
}

/// Reads the lines of one file into a table; the first mistake ends it.
class CsvReader {
 public:
  explicit CsvReader(const std::string& path) : path_(path) {}

  Result<CsvTable> read(std::string_view text) {
    if (!read_header(next_line(text))) return error_;
    while (!text.empty()) {
      if (!read_row(next_line(text))) return error_;
    }
    return std::move(table_);
  }

 private:
  std::string_view next_line(std::string_view& text) {
    ++line_;
    std::string_view line = take_until(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  bool fail(std::size_t column, const std::string& what) {
    error_ = {ErrorCode::InvalidArgument, path_ + ": line " + std::to_string(line_) + ", column " +
                                              std::to_string(column) + ": " + what};
    return false;
  }

  static std::string quoted(std::string_view cell) {
    return std::string("\"").append(net::printable(cell, kMaxShownCell)).append("\"");
  }

  bool read_header(std::string_view line) {
    if (const std::string_view first = take_until(line, ','); first != "timestamp") {
      return fail(1, "header starts with " + quoted(first) + ", not with \"timestamp\"");
    }
    std::set<std::string_view> seen;
    for (std::size_t column = 2; !line.empty(); ++column) {
      const std::string_view name = take_until(line, ',');
      if (name.empty()) return fail(column, "a metric without a name");
      if (!core::is_valid_utf8(name) || name.find('"') != std::string_view::npos) {
        return fail(column, "metric name " + quoted(name) + " is not plain UTF-8 text");
      }
      if (!seen.insert(name).second) return fail(column, "metric " + quoted(name) + " comes twice");
      if (seen.size() > kMaxColumns) return fail(column, "more than 10000 metrics");
      table_.metrics.emplace_back(name);
    }
    return !table_.metrics.empty() || fail(2, "no metric");
  }

  bool read_row(std::string_view line) {
    const auto cells = static_cast<std::size_t>(std::count(line.begin(), line.end(), ',')) + 1;
    if (cells != table_.metrics.size() + 1) {
      return fail(std::min(cells, table_.metrics.size() + 1),
                  std::to_string(cells) + " cells under a header of " +
                      std::to_string(table_.metrics.size() + 1) + ": " + quoted(line));
    }
    if (!read_time(take_until(line, ','))) return false;
    for (std::size_t column = 2; column <= cells; ++column) {
      const std::string_view cell = take_until(line, ',');
      const auto value =
          cell.empty() ? std::numeric_limits<double>::quiet_NaN() : core::parse_number(cell);
      if (!value) {
        return fail(column, table_.metrics[column - 2] + ": " + quoted(cell) + " is not a number");
      }
      table_.values.push_back(*value);
    }
    return true;
  }

  /// Unix time of our age has 10 digits in seconds, 13 in milliseconds, 16 and 19 in micro- and
  /// nanoseconds; it is read as what its size says.
  static Result<core::Timestamp> read_stamp(std::string_view cell) {
    constexpr double kLeastMilliseconds = 1e11, kLeastMicroseconds = 1e14, kLeastNanoseconds = 1e17;
    constexpr double kLargest = 1e19;
    const auto number = core::parse_number(cell);
    if (!number || !(*number >= kLeastMilliseconds && *number < kLargest)) {
      return core::parse_timestamp(cell);
    }
    const double per_millisecond = *number < kLeastMicroseconds  ? 1
                                   : *number < kLeastNanoseconds ? 1e3
                                                                 : 1e6;
    return core::Timestamp{std::llround(*number / per_millisecond)};
  }

  bool read_time(std::string_view cell) {
    const auto time = read_stamp(cell);
    if (!time) return fail(1, quoted(cell) + " is not a timestamp");
    if (!table_.times.empty() && *time < table_.times.back()) {
      return fail(1, "time " + quoted(cell) + " is before that of the row above");
    }
    table_.times.push_back(*time);
    table_.time_texts.emplace_back(cell);
    return true;
  }

  const std::string& path_;
  std::size_t line_ = 0;
  CsvTable table_;
  Error error_;
};

}  // namespace

std::optional<core::Duration> CsvTable::median_step() const {
  std::vector<core::Duration> steps;
  for (std::size_t row = 1; row < times.size(); ++row) {
    if (times[row] != times[row - 1]) steps.push_back(times[row] - times[row - 1]);
  }
  if (steps.empty()) return std::nullopt;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>((steps.size() - 1) / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return *middle;
}

Result<CsvTable> read_csv(const std::string& path) {
  const auto text = read_whole(path);
  if (!text) return text.error();
  return CsvReader(path).read(*text);
}

}  // namespace anomaly_exporter::sources
