#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/net/http_client.h"
#include "anomaly_exporter/series/sample.h"
#include "anomaly_exporter/sources/label_cache.h"
#include "anomaly_exporter/sources/remote_read.h"
#include "anomaly_exporter/sources/selector_parser.h"

namespace anomaly_exporter::sources {

/// One reading of the raw samples of a selector in [from, to], both ends included.
struct RawRead {
  const Matchers* matchers;  ///< borrowed
  core::Timestamp from;
  core::Timestamp to;
  /// Without it series come without `__name__`, as from PromQL's functions.
  bool keeps_name = true;
};

/// What came with the series.
struct RawNotes {
  std::vector<std::string> warnings;
  std::uint64_t samples = 0;
  std::uint64_t not_a_number = 0;
  std::uint64_t invalid_labels = 0;
  std::uint64_t received_bytes = 0;
};

/// Receives one series, labels as the query API shows them. It may change the samples.
using RawSink = std::function<core::Status(const core::LabelsPtr& labels,
                                           std::vector<series::Sample>& samples)>;

/// Raw samples by `/api/v1/read`. Labels equal to `external` are taken away.
/// Errors: as HttpClient, FrameReader and the decoders; a refusal of the whole protocol comes as
/// Unsupported or InvalidArgument. Memory: `Samples` holds the answer (at most `max_bytes`), twice
/// while it is unpacked; `StreamedXorChunks` one frame and one series.
core::Status read_remote(net::HttpClient& http, LabelCache& cache, const RawRead& read,
                         RemoteAnswer answer, const core::Labels& external, std::uint64_t max_bytes,
                         const RawSink& sink, RawNotes& notes, std::stop_token stop);

/// Raw samples by an instant query of a range selector. Stale markers never appear. Servers differ
/// in whether the left end of a range belongs to it; the query is a millisecond wider than asked,
/// and what lies before `from` is dropped.
core::Status read_by_query(net::HttpClient& http, LabelCache& cache, const RawRead& read,
                           const RawSink& sink, RawNotes& notes, std::stop_token stop);

/// `labels` without `__name__`, shared through `cache`.
core::LabelsPtr without_name(const core::LabelsPtr& labels, LabelCache& cache);

}  // namespace anomaly_exporter::sources
