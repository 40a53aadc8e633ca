#pragma once

#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::sources {

/// A table of one entity read from a CSV file, gzip-compressed when its name ends in `.gz`.
///
/// Format: header `timestamp,<metric>[,<metric>...]`; timestamp in Unix seconds with optional
/// decimals, in Unix milli-, micro- or nanoseconds (from 1e11, 1e14, 1e17 on), or RFC 3339; an
/// empty cell or NaN is an absent value. Rows ascend in time; equal times are allowed (duplicates).
struct CsvTable {
  std::vector<std::string> metrics;
  std::vector<core::Timestamp> times;   ///< by row
  std::vector<std::string> time_texts;  ///< as written, by row, to be repeated in outputs
  std::vector<double> values;           ///< row-major: row * metrics.size() + metric; NaN = absent

  [[nodiscard]] std::size_t rows() const { return times.size(); }
  /// Median difference between consecutive distinct times; nothing with fewer than two of them.
  [[nodiscard]] std::optional<core::Duration> median_step() const;
};

/// Errors: NotFound, Corrupt (bad gzip), InvalidArgument naming file, line, column and text.
core::Result<CsvTable> read_csv(const std::string& path);

struct CsvSourceOptions {
  std::string name;
  std::string path;  ///< one file, or a directory of *.csv and *.csv.gz, each file one entity
};

/// The `csv` source: serves files as if they were live. `latest` returns each file's newest row not
/// after `time` and not older than one and a half of its steps, labelled `series="<file stem>"`.
core::Result<std::unique_ptr<MetricSource>> make_csv_source(CsvSourceOptions options);

}  // namespace anomaly_exporter::sources
