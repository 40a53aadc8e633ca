#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/stats/lstm_kernel.h"

namespace anomaly_exporter::detectors {

/// Sizes of an LSTM encoder-decoder and where its parameters lie in one vector, in this order:
///
/// | part | shape |
/// |---|---|
/// | encoder: input weights, hidden weights, bias | 4H x 2D, 4H x H, 4H |
/// | decoder: weights of the code, hidden weights, bias | 4H x H, 4H x H, 4H |
/// | output: weights, bias | D x H, D |
///
/// D metrics, H hidden units. Row 4u + gate belongs to unit u; gates as in stats::LstmCell.
struct LstmShape {
  std::size_t metrics = 1;
  std::size_t window = 10;
  std::size_t hidden = 32;

  [[nodiscard]] std::size_t inputs() const { return 2 * metrics; }
  [[nodiscard]] std::size_t gates() const { return 4 * hidden; }
  [[nodiscard]] std::size_t encoder_hidden() const { return gates() * inputs(); }
  [[nodiscard]] std::size_t encoder_bias() const { return encoder_hidden() + gates() * hidden; }
  [[nodiscard]] std::size_t decoder_code() const { return encoder_bias() + gates(); }
  [[nodiscard]] std::size_t decoder_hidden() const { return decoder_code() + gates() * hidden; }
  [[nodiscard]] std::size_t decoder_bias() const { return decoder_hidden() + gates() * hidden; }
  [[nodiscard]] std::size_t output() const { return decoder_bias() + gates(); }
  [[nodiscard]] std::size_t output_bias() const { return output() + metrics * hidden; }
  [[nodiscard]] std::size_t parameters() const { return output_bias() + metrics; }
};

/// Random weights (Glorot), biases 0 but for the forget gates' 1 (Jozefowicz, Zaremba and Sutskever
/// 2015, section 5), so that a cell remembers before it has learned to.
template <class Real>
std::vector<Real> initial_lstm_parameters(const LstmShape& shape, core::Rng& rng);

/// A trained LSTM encoder-decoder, made for reconstructing the newest tick of 64 windows at a time.
///
/// The encoder reads the window, oldest tick first. The decoder starts from zero, sees the
/// encoder's last output at every step (which is why that product is taken once), and reconstructs
/// the window oldest tick first; only its last output is computed (Malhotra et al., "LSTM-based
/// encoder-decoder for multi-sensor anomaly detection", 2016; they decode newest tick first and
/// feed outputs back, we repeat the code instead).
///
/// Threads: immutable. Cost: per window about window * 4H * (2D + 2H) multiply-adds; the parameters
/// twice in memory.
class LstmNetwork {
 public:
  /// REQUIRES: parameters.size() == shape.parameters(), finite.
  LstmNetwork(const LstmShape& shape, std::vector<float> parameters);

  [[nodiscard]] const LstmShape& shape() const { return shape_; }
  [[nodiscard]] std::span<const float> parameters() const { return parameters_; }
  [[nodiscard]] std::size_t scratch_floats() const;
  [[nodiscard]] std::size_t memory_bytes() const;

  /// `inputs` [window][2 * metrics][64], values then presence; `newest` [metrics][64] is written.
  /// `scratch` has scratch_floats() elements of any content. Allocates nothing.
  void reconstruct(const stats::LstmKernels& kernels, const float* inputs, float* scratch,
                   float* newest) const;

 private:
  LstmShape shape_;
  std::vector<float> parameters_;
  // The weights as the kernel reads them: [unit][input][gate].
  std::vector<float> encoder_input_, encoder_hidden_, decoder_hidden_;
  std::vector<float> encoder_start_;  // [4H][64]: bias
};

}  // namespace anomaly_exporter::detectors
