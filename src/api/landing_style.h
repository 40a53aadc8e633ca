#pragma once

namespace anomaly_exporter::api {

/// Style sheet of the landing page; light and dark by the reader's own preference.
extern const char kLandingStyle[];

}  // namespace anomaly_exporter::api
