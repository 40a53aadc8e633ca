"""A page of samples that a test serves to a real Prometheus and changes at will."""
import http.server
import threading

_RESULTS = ("anomaly_(score|entity_score|detector_score|value|expected_value|lower_bound|"
            "upper_bound|deviation_sigmas|severity|contribution_ratio|series_missing|"
            "incident_severity|incident_members)")
# For `format` with `exporter`, its port: the job of the exporter, as the shipped prometheus.yml has
# it. Results without a job or an instance of their own are not given those of the target.
EXPORTER_JOB = f"""
  - job_name: anomaly_exporter
    honor_labels: true
    static_configs: [{{{{targets: ["127.0.0.1:{{exporter}}"]}}}}]
    metric_relabel_configs:
      - source_labels: [__name__, instance]
        regex: "{_RESULTS};127.0.0.1:{{exporter}}"
        target_label: instance
        replacement: ""
      - source_labels: [__name__, job]
        regex: "{_RESULTS};anomaly_exporter"
        target_label: job
        replacement: ""
"""
PROMETHEUS = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ["127.0.0.1:{app}"]}}]""" + EXPORTER_JOB


class Page:
    def __init__(self, text):
        self.text = text
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = (page.text() if callable(page.text) else page.text).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
