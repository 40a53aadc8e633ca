#include <libdeflate.h>

#include <memory>
#include <new>

#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::exposition {
namespace {

/// Fastest that compresses: 27 ms for 15 MB, five times smaller.
constexpr int kLevel = 1;

struct FreeCompressor {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};

}  // namespace

std::string gzip(std::string_view body) {
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(kLevel));
  if (!compressor) throw std::bad_alloc();
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), body.size()), '\0');
  out.resize(
      libdeflate_gzip_compress(compressor.get(), body.data(), body.size(), out.data(), out.size()));
  return out;
}

}  // namespace anomaly_exporter::exposition
