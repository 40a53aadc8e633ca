#pragma once

#include "anomaly_exporter/detectors/options.h"
#include "schema.h"

/// Sections below `detectors` of those that learn more than a window: by evidence, by season, by
/// model.
namespace anomaly_exporter::config {

const Section<detectors::NoveltyOptions>& novelty_section();
const Section<detectors::ForecasterOptions>& forecaster_section();
const Section<detectors::MultiWindowOptions>& multi_window_section();
const Section<detectors::SeasonalEsdOptions>& seasonal_esd_section();
const Section<detectors::IsolationForestOptions>& isolation_forest_section();
const Section<detectors::LstmAutoencoderOptions>& lstm_autoencoder_section();
const Section<detectors::OneClassSvmOptions>& one_class_svm_section();
const Section<detectors::AutoencoderOptions>& autoencoder_section();

}  // namespace anomaly_exporter::config
