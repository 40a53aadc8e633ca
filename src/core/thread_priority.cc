#include "anomaly_exporter/core/thread_priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace anomaly_exporter::core {

void lower_thread_priority(int nice) {
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice);
}

}  // namespace anomaly_exporter::core
