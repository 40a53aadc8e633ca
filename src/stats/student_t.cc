#include <boost/math/distributions/students_t.hpp>

#include "anomaly_exporter/stats/esd.h"

namespace anomaly_exporter::stats {

double student_t_quantile(double degrees, double p) {
  return boost::math::quantile(boost::math::students_t(degrees), p);
}

}  // namespace anomaly_exporter::stats
