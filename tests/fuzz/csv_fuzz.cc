#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "anomaly_exporter/sources/csv_source.h"

namespace {

/// Writes the bytes to a file of this process and reads it as a table.
void read_as(const char* suffix, const std::uint8_t* data, std::size_t size) {
  std::string path("/tmp/anomaly_exporter_csv_fuzz.");
  path.append(std::to_string(getpid())).append(suffix);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) std::abort();
  std::fwrite(data, 1, size, file);
  std::fclose(file);
  const auto table = anomaly_exporter::sources::read_csv(path);
  std::remove(path.c_str());
  if (!table) return;
  if (table->values.size() != table->rows() * table->metrics.size() ||
      table->time_texts.size() != table->rows()) {
    std::abort();
  }
  (void)table->median_step();
}

}  // namespace

/// Reads the bytes as a plain and as a compressed table. A table that is taken is a rectangle.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxSize = 64 << 10;
  if (size > kMaxSize) return 0;
  read_as(".csv", data, size);
  read_as(".csv.gz", data, size);
  return 0;
}
