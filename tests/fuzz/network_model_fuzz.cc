// Reads models of the networks from arbitrary bytes. The first byte chooses the detector; the rest
// is the model. What is accepted must save to the bytes it came from.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "anomaly_exporter/detectors/autoencoder.h"
#include "anomaly_exporter/detectors/lstm_autoencoder.h"

namespace {

using namespace anomaly_exporter;

constexpr std::size_t kMostBytes = 1 << 16;
constexpr detectors::Shape kShape{.metrics = 2, .window = 20, .interval = std::chrono::seconds(10)};

std::unique_ptr<detectors::Detector> make(std::uint8_t kind) {
  using Form = detectors::AutoencoderOptions::Form;
  auto made =
      kind % 3 == 0
          ? detectors::LstmAutoencoder::create({.window = 3, .hidden = 16}, kShape)
          : detectors::Autoencoder::create({.form = kind % 3 == 1 ? Form::Linear : Form::Dense,
                                            .window = 2,
                                            .hidden = 8,
                                            .code = 2},
                                           kShape);
  if (!made) std::abort();
  return std::move(made).value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > kMostBytes) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto detector = make(data[0]);
  core::StateReader in(bytes);
  const auto model = detector->read_model(in);
  if (!model) return 0;
  core::StateWriter out;
  (*model)->save(out);
  if (out.bytes() != bytes.substr(0, bytes.size() - in.remaining())) std::abort();
  detector->adopt(*model);
  return 0;
}
