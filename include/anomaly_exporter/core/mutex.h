#pragma once

#include <condition_variable>
#include <mutex>

/// Clang's thread-safety annotations; empty elsewhere. The `clang` preset compiles with
/// -Werror=thread-safety.
#if defined(__clang__)
#define AE_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define AE_THREAD_ANNOTATION(x)
#endif
#define AE_CAPABILITY(x) AE_THREAD_ANNOTATION(capability(x))
#define AE_SCOPED_CAPABILITY AE_THREAD_ANNOTATION(scoped_lockable)
#define AE_GUARDED_BY(x) AE_THREAD_ANNOTATION(guarded_by(x))
#define AE_REQUIRES(...) AE_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define AE_ACQUIRE(...) AE_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define AE_RELEASE(...) AE_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define AE_EXCLUDES(...) AE_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define AE_NO_THREAD_SAFETY_ANALYSIS AE_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace anomaly_exporter::core {

/// std::mutex that Clang's analysis understands. Also a Lockable, so that
/// std::condition_variable_any can wait on it.
class AE_CAPABILITY("mutex") Mutex {
 public:
  void lock() AE_ACQUIRE() { mutex_.lock(); }
  void unlock() AE_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class AE_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) AE_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() AE_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace anomaly_exporter::core
