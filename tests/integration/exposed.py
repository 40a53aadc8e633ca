"""A page of samples that a test serves to a real Prometheus and changes at will."""
import loopback

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


class Page(loopback.HttpService):
    def __init__(self, text):
        self.text = text  # or a function that makes it
        super().__init__()

    def answer(self, request):
        text = self.text() if callable(self.text) else self.text
        return 200, "text/plain; version=0.0.4", text.encode()
