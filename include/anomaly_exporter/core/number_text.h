#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace anomaly_exporter::core {

/// Longest output of the writers below, in bytes.
inline constexpr std::size_t kMaxNumberText = 32;

/// Writes the shortest decimal text that reads back to the same value, "NaN", "+Inf" or "-Inf", as
/// the Prometheus formats spell them. Returns one past the last byte written.
/// REQUIRES: `out` has room for kMaxNumberText bytes.
char* write_number(char* out, double value);
char* write_number(char* out, float value);

/// The text of `write_number` as a string.
std::string number_text(double value);

/// Strict parse of a whole text as the Prometheus API and text format write numbers: decimal
/// floats with or without a sign, "NaN" (without one), "Inf" and "Infinity" (any case, as Go's
/// ParseFloat takes them). No spaces, no hex, no underscores. Numbers beyond the range of double
/// become infinities or zero of their sign, the values that ParseFloat returns beside its error.
/// Nothing for any other text.
std::optional<double> parse_number(std::string_view text);

/// Prometheus's stale marker: this exact NaN. Compare bits, not isnan().
/// Source: prometheus/prometheus model/value/value.go, StaleNaN.
inline constexpr unsigned long long kStaleMarkerBits = 0x7ff0000000000002ULL;
bool is_stale_marker(double value);
double stale_marker();

}  // namespace anomaly_exporter::core
