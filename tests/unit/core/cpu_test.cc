#include "anomaly_exporter/core/cpu.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <optional>
#include <string>

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(cpu_test)

constexpr char kVariable[] = "ANOMALY_EXPORTER_CPU";

/// Sets the variable for a scope and puts the earlier state back.
class WithVariable {
 public:
  explicit WithVariable(const char* value) {
    if (const char* before = std::getenv(kVariable)) before_ = before;
    set(value);
  }
  ~WithVariable() { set(before_ ? before_->c_str() : nullptr); }
  WithVariable(const WithVariable&) = delete;
  WithVariable& operator=(const WithVariable&) = delete;

 private:
  static void set(const char* value) {
    value != nullptr ? ::setenv(kVariable, value, 1) : ::unsetenv(kVariable);
  }
  std::optional<std::string> before_;
};

BOOST_AUTO_TEST_CASE(levels_have_names) {
  BOOST_TEST(to_string(CpuLevel::Base) == "base");
  BOOST_TEST(to_string(CpuLevel::V3) == "v3");
}

BOOST_AUTO_TEST_CASE(the_variable_lowers_the_level) {
  const WithVariable variable("base");
  BOOST_TEST((detected_cpu_level() == CpuLevel::Base));
}

BOOST_AUTO_TEST_CASE(other_values_of_the_variable_change_nothing) {
  const WithVariable none(nullptr);
  const CpuLevel best = detected_cpu_level();
  for (const char* value : {"", "v3", "BASE", "avx512"}) {
    const WithVariable variable(value);
    BOOST_TEST((detected_cpu_level() == best), value);
  }
}

#if defined(__x86_64__)
BOOST_AUTO_TEST_CASE(claims_v3_only_with_wide_registers_and_fused_products) {
  const WithVariable none(nullptr);
  const bool has_main_parts =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (detected_cpu_level() == CpuLevel::V3) {
    BOOST_TEST(has_main_parts);
  } else {
    BOOST_TEST((detected_cpu_level() == CpuLevel::Base));
  }
}
#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
