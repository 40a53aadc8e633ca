#include "anomaly_exporter/app/training_run.h"

#include <algorithm>
#include <utility>

namespace anomaly_exporter::app {

namespace {

constexpr std::uint32_t kBodyVersion = 1;

/// Progress of one stage as a slice of the whole.
detectors::TrainingProgress slice(const detectors::TrainingProgress& progress, double from,
                                  double to) {
  if (!progress) return nullptr;
  return [&progress, from, to](double done) {
    return progress(from + (to - from) * std::clamp(done, 0.0, 1.0));
  };
}

void add_figures(const std::string& prefix, const ExamResult& exam,
                 storage::ModelMetadata& metadata) {
  metadata.figures.emplace_back(prefix + "recall", exam.recall);
  metadata.figures.emplace_back(prefix + "faults", static_cast<double>(exam.faults));
  metadata.figures.emplace_back(prefix + "clean_share", exam.clean_share);
}

}  // namespace

core::Result<TrainedModel> train_model(const TrainingTask& task, const TrainingData& data,
                                       const core::Clock& clock,
                                       const detectors::TrainingProgress& progress) {
  if (data.vectors < task.min_samples) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       std::to_string(data.vectors) + " vectors of data, " +
                           std::to_string(task.min_samples) + " are needed"};
  }
  auto detector = task.factory();
  if (!detector.ok()) return detector.error();
  const ExamOptions exam;
  const bool has_champion = task.champion != nullptr;

  const double head_vectors = (1 - exam.held_back) * static_cast<double>(data.vectors);
  const bool in_sample = !has_champion && head_vectors < static_cast<double>(task.min_samples);
  const double fit_until = has_champion ? 0.7 : 0.85;
  auto fitted = in_sample ? (*detector)->fit(data.set, slice(progress, 0, fit_until))
                          : (*detector)->fit(head_of(data.set, 1 - exam.held_back),
                                             slice(progress, 0, fit_until));
  if (!fitted.ok()) return fitted.error();
  const core::Timestamp fitted_at = clock.now();
  if (fitted->model == nullptr) {
    return core::Error{core::ErrorCode::Internal, "the detector made no model"};
  }

  const double champion_from = has_champion ? 0.85 : 1.0;
  const auto challenger = examine(task.factory, task.shape, fitted->model, data.set, exam,
                                  slice(progress, fit_until, champion_from));
  if (!challenger.ok()) return challenger.error();
  ExamResult champion;
  if (has_champion) {
    const auto examined = examine(task.factory, task.shape, task.champion, data.set, exam,
                                  slice(progress, champion_from, 1));
    if (!examined.ok()) return examined.error();
    champion = *examined;
  }
  const Verdict verdict = judge_challenge(has_champion ? &champion : nullptr, *challenger, exam);

  TrainedModel trained;
  trained.model = std::move(fitted->model);
  auto inputs = std::make_shared<InputProfile>(data.set.metrics);
  inputs->add(data.set, std::min(kProfileTicks, task.shape.window));
  trained.inputs = std::move(inputs);
  trained.is_accepted = verdict.is_accepted;
  auto& m = trained.metadata;
  m.created = fitted_at;
  m.first = data.first;
  m.last = data.last;
  m.samples = fitted->samples;
  m.entities = data.set.parts.size();
  m.parameters = task.parameters;
  m.figures = std::move(fitted->figures);
  add_figures("", *challenger, m);
  if (has_champion) add_figures("parent_", champion, m);
  m.figures.emplace_back("values_cut", static_cast<double>(data.cut));
  m.origin = task.origin;
  m.parent = task.champion_version;
  m.verdict = verdict.text;
  m.in_sample = in_sample;
  return trained;
}

std::string encode_body(const TrainedModel& trained) {
  core::StateWriter model;
  trained.model->save(model);
  core::StateWriter out;
  out.u32(kBodyVersion);
  out.text(model.bytes());
  out.u8(trained.inputs != nullptr ? 1 : 0);
  if (trained.inputs != nullptr) trained.inputs->save(out);
  return out.take();
}

core::Result<TrainedModel> decode_body(const storage::StoredModel& stored,
                                       const detectors::Detector& detector, std::size_t metrics) {
  core::StateReader in(stored.body);
  const std::uint32_t version = in.u32();
  if (in.ok() && version > kBodyVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "model body " + std::to_string(version) + " is newer than this program"};
  }
  core::StateReader bytes(in.text());
  if (!in.ok()) return in.status().error();
  auto model = detector.read_model(bytes);
  if (!model.ok()) return model.error();
  TrainedModel trained;
  trained.model = std::move(model).value();
  trained.metadata = stored.metadata;
  trained.is_accepted = true;
  if (in.u8() != 0) {
    auto inputs = std::make_shared<InputProfile>(metrics);
    if (auto status = inputs->restore(in); !status.ok()) return status.error();
    trained.inputs = std::move(inputs);
  }
  if (!in.ok()) return in.status().error();
  return trained;
}

std::vector<std::string> train_now(MonitorState& monitor, const detectors::TrainingSet& set) {
  std::vector<std::string> trained;
  for (auto& detector : monitor.detectors) {
    if (!detector->is_trainable()) continue;
    auto fitted = detector->fit(set, [](double) { return true; });
    if (!fitted.ok() || fitted->model == nullptr) continue;
    detector->adopt(std::move(fitted->model));
    trained.emplace_back(detector->name());
  }
  return trained;
}

bool has_trainable(const MonitorState& monitor) {
  return std::any_of(monitor.detectors.begin(), monitor.detectors.end(),
                     [](const auto& detector) { return detector->is_trainable(); });
}

}  // namespace anomaly_exporter::app
