#include "anomaly_exporter/app/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace anomaly_exporter::app {

namespace {

void append(std::vector<prometheus::MetricFamily>& families, const char* name, const char* help,
            prometheus::MetricType type, double value) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(metric);
  families.push_back(family);
}

/// Seconds since the epoch at which the machine started; 0 when unknown.
double boot_time() {
  std::ifstream stat("/proc/stat");
  for (std::string word; stat >> word;) {
    double value = 0;
    if (word == "btime" && stat >> value) return value;
  }
  return 0;
}

/// The fields of /proc/self/stat after the command name (which may hold spaces): field 3 onwards.
std::vector<double> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const auto end_of_name = line.rfind(')');
  std::vector<double> fields;
  if (end_of_name == std::string::npos) return fields;
  std::istringstream rest(line.substr(end_of_name + 1));
  std::string state;
  rest >> state;
  fields.push_back(0);
  for (double value = 0; rest >> value;) fields.push_back(value);
  return fields;
}

}  // namespace

void append_process_metrics(std::vector<prometheus::MetricFamily>& families) {
  using prometheus::MetricType;
  const auto fields = stat_fields();
  if (fields.size() > 21) {
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    // proc(5): utime is field 14, stime 15, threads 20, starttime 22, vsize 23, rss 24.
    append(families, "process_cpu_seconds_total", "Total user and system CPU time in seconds.",
           MetricType::Counter, (fields[11] + fields[12]) / ticks);
    append(families, "process_threads", "Number of threads.", MetricType::Gauge, fields[17]);
    append(families, "process_start_time_seconds", "Start time since the Unix epoch in seconds.",
           MetricType::Gauge, boot_time() + fields[19] / ticks);
    append(families, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
           MetricType::Gauge, fields[20]);
    append(families, "process_resident_memory_bytes", "Resident memory size in bytes.",
           MetricType::Gauge, fields[21] * page);
  }
  std::error_code error;
  const auto open = std::filesystem::directory_iterator("/proc/self/fd", error);
  if (!error) {
    append(families, "process_open_fds", "Number of open file descriptors.", MetricType::Gauge,
           static_cast<double>(std::distance(begin(open), end(open))));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    append(families, "process_max_fds", "Maximum number of open file descriptors.",
           MetricType::Gauge, static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace anomaly_exporter::app
