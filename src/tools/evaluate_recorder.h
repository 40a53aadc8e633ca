#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "anomaly_exporter/tools/evaluate.h"
#include "table_replay.h"

namespace anomaly_exporter::tools {

/// Rows after a fault in which it still counts as found, and by which ticks of one episode may be
/// apart.
inline constexpr std::size_t kExamGrace = 5;

/// A fault and the row at which each judge (ensemble first) found it; -1 = not.
struct ExaminedFault {
  Fault fault;
  std::vector<std::int64_t> found_at;
  ExamPicture picture;
};

/// What one replay of a history showed.
struct ExamRecord {
  std::vector<std::string> judges;
  std::vector<std::uint64_t> episodes;             ///< by judge
  std::vector<std::vector<ExaminedFault>> faults;  ///< by entity, ascending in time
  /// Clean replay: [entity * judges + judge][row - rows / 2], at the threshold.
  std::vector<std::vector<bool>> reached;
  std::uint64_t judged = 0;  ///< values scored in the examined half
};

/// Follows one replay. Threads: one at a time. Borrows the history.
class ExamRecorder {
 public:
  /// `faults`: by entity; empty for the clean replay.
  ExamRecorder(const ExamHistory& history, const std::vector<std::vector<Fault>>& faults,
               double threshold);

  void observe(const ReplayedRow& passed);
  [[nodiscard]] ExamRecord take() { return std::move(record_); }

 private:
  void find_rows(const app::MonitorState& monitor);
  void look(const app::MonitorState& monitor, std::size_t entity, std::size_t row);
  void draw(const app::MonitorState& monitor, std::size_t entity, std::size_t row);

  const ExamHistory* history_;
  bool is_clean_;
  double threshold_;
  std::size_t metrics_, first_row_;
  ExamRecord record_;
  std::vector<std::int64_t> rows_;          ///< by entity * metrics + metric; -1 = not admitted
  std::vector<bool> reached_;               ///< by judge, of the entity under view
  std::vector<std::int64_t> last_reached_;  ///< by entity * judges + judge; row
  std::vector<std::size_t> next_;           ///< by entity: first fault not yet over
};

}  // namespace anomaly_exporter::tools
