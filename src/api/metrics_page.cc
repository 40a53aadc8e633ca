#include "anomaly_exporter/api/handlers.h"
#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::api {

Response metrics_page(const HandlerContext& context, const Request& request) {
  const exposition::ExpositionOptions options =
      context.hooks->exposition ? context.hooks->exposition() : exposition::ExpositionOptions{};
  const auto own = context.hooks->own_metrics ? context.hooks->own_metrics()
                                              : std::vector<prometheus::MetricFamily>{};
  const exposition::Format format = exposition::negotiate_format(request.accept);

  Response response;
  response.content_type = exposition::content_type(format);
  response.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  response.body = context.buffers->take();
  exposition::render(format, options, context.snapshots->load(), own, response.body);
  if (options.gzip && response.body.size() >= options.gzip_min_bytes &&
      exposition::accepts_gzip(request.accept_encoding)) {
    std::string compressed = exposition::gzip(response.body);
    std::swap(response.body, compressed);
    context.buffers->give(std::move(compressed));
    response.headers.emplace_back("Content-Encoding", "gzip");
  }
  return response;
}

}  // namespace anomaly_exporter::api
