#include "signals.h"

#include <pthread.h>

#include <csignal>

namespace anomaly_exporter::cli {

namespace {
sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}
}  // namespace

Signals::Signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Signals::Kind Signals::wait() {
  const sigset_t set = handled_signals();
  for (;;) {
    int number = 0;
    if (sigwait(&set, &number) != 0) continue;
    return number == SIGHUP ? Kind::Reload : Kind::Stop;
  }
}

}  // namespace anomaly_exporter::cli
