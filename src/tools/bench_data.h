#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/series/sample.h"

namespace anomaly_exporter::tools {

/// Processor time of the calling thread in ns. It leaves out what other programs on the machine
/// take, and waiting; use it for work of one thread, and a Clock where waiting is what counts.
double thread_cpu_ns();

/// Memory of this process that is really in use (resident), in bytes, after everything freed was
/// handed back to the system.
std::size_t resident_bytes();

/// Overwrites a buffer larger than the caches of any machine this is likely to run on (320 MiB), so
/// that what is measured next comes from memory.
void flush_caches();

/// Samples every 15 s from a fixed time on. The kinds are those of a real node: counters, noisy
/// ratios, values of one and of four decimals; series number `kind` modulo 4 chooses.
std::vector<series::Sample> random_series(core::Rng& rng, std::size_t kind, std::size_t samples);

/// One XOR chunk as Prometheus stores it (sources/xor_chunk.h describes the format), written bit by
/// bit. REQUIRES: at most 65535 samples.
std::string encode_xor_chunk(std::span<const series::Sample> samples);

/// The label set of one series as a node of a fleet has it: name and four labels.
core::LabelsPtr node_labels(std::size_t entity, std::size_t metric);

}  // namespace anomaly_exporter::tools
