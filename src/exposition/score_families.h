#pragma once

#include <span>
#include <string>

#include "anomaly_exporter/exposition/writer.h"
#include "page.h"

namespace anomaly_exporter::exposition {

/// Writes the chosen families of kFamilies, in their order there.
void write_score_families(Page& page, Format format, std::span<const std::string> chosen,
                          const SnapshotStore::List& snapshots);

/// About how many bytes they and the dialects take, so that the page is allocated once.
std::size_t estimate_bytes(const ExpositionOptions& options, const SnapshotStore::List& snapshots);

}  // namespace anomaly_exporter::exposition
