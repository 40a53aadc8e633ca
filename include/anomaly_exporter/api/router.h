#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/api/handlers.h"

namespace anomaly_exporter::api {

/// Finds the handler of a path and answers what has none: 404, 405 with Allow, and the redirects to
/// the prefix.
///
/// Threads: immutable after construction. Cost: a walk over a dozen paths.
class Router {
 public:
  /// Borrows `context`'s parts, which must outlive it.
  explicit Router(const HandlerContext& context);

  struct Answer {
    Response response;
    std::string pattern;  ///< path without prefix, or "other"
  };
  [[nodiscard]] Answer answer(const Request& request) const;

  /// Largest body that is read for this request; 0 where none is taken.
  [[nodiscard]] std::size_t body_limit(const Request& request) const;

 private:
  using Handler = Response (*)(const HandlerContext&, const Request&);
  struct Route {
    std::string path;     ///< below the prefix; with a slash at its end, the begin of many
    std::string pattern;  ///< for our own metrics
    bool is_mutation;     ///< POST and PUT; otherwise GET and HEAD
    Handler handler;
    std::size_t body_limit = 0;  ///< bytes
  };

  /// The route of a path with its prefix, or null.
  [[nodiscard]] const Route* find(std::string_view path) const;

  HandlerContext context_;
  std::string prefix_;
  std::vector<Route> routes_;
};

}  // namespace anomaly_exporter::api
