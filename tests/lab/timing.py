"""When what happened between the onset of a fault and its notification."""
import time

THRESHOLD = 0.6
WARNING = 2
STAGES = ["scrape", "tick", "rate window", "severity", "our scrape", "rule", "group wait"]
SOURCES = {"node": 'node_cpu_seconds_total{mode="idle",cpu="0"}',
           "dwcp": "dwcp_packet_loss_percent"}

# Alerts of a monitor that send something: not info, and nothing that the exporter says of itself.
ALERTS = ('ALERTS{alertstate="firing",alertname=~"Anomaly.*",alertname!~"AnomalyExporter.*",'
          'severity!="info",monitor="%s"}')


def measure(stack, monitor, onset):
    """Seconds since the onset of: score, alert, notification; and the stages between them.

    `score`: our page shows a score at the threshold. `alert`: Prometheus's rule fires.
    `notification`: the webhook has it. Stages, each from the end of the one before:
      scrape       until Prometheus reads the source for the first time after the onset
      tick         until the first evaluation that could see that sample is on our page
      rate window  until a score reaches the threshold: rates fill, scores are smoothed
      severity     until the severity is at least warning (it contains `for`)
      our scrape   until Prometheus has read that severity
      rule         until its rule fires
      group wait   until the notification arrives
    """
    watch, span = stack.watch, time.time() - onset
    notified = stack.receiver.firing(monitor, onset)
    of = f'{{monitor="{monitor}"}}'
    scraped = _first_sample(stack.samples(SOURCES[monitor], span), onset)
    tick = watch.first("anomaly_exporter_last_evaluation_timestamp_seconds", monitor,
                       scraped or onset, lambda v: v >= (scraped or onset))
    score = watch.first("anomaly_score", monitor, onset, lambda v: v >= THRESHOLD)
    severity = watch.first("anomaly_severity", monitor, onset, lambda v: v >= WARNING)
    read = _first_sample(stack.samples("anomaly_severity" + of, span), onset,
                         lambda v: v >= WARNING)
    firing = _first_sample(stack.samples(ALERTS % monitor, span), onset)
    moments = [scraped, tick and tick[0], score and score[0], severity and severity[0], read,
               firing, notified[0][0] if notified else None]
    return {
        "onset": round(onset, 3),
        "found": bool(notified),
        "score_seconds": _since(onset, score and score[0]),
        "alert_seconds": _since(onset, firing),
        "notification_seconds": _since(onset, notified[0][0] if notified else None),
        "stages": _stages(onset, moments),
        "metric": score[1] if score else None,
        "detectors": detectors_over(stack, monitor, span),
        "limits": limits_crossed(stack, monitor, span),
        "alerts": [a["labels"] for _, _, a in notified],
    }


def detectors_over(stack, monitor, span):
    """Detectors whose own score reached the threshold, highest first."""
    best = {}
    selector = f'anomaly_detector_score{{monitor="{monitor}"}}'
    for labels, values in stack.samples(selector, span):
        best[labels["detector"]] = max(best.get(labels["detector"], 0), *(v for _, v in values))
    return [d for d in sorted(best, key=best.get, reverse=True) if best[d] >= THRESHOLD]


def limits_crossed(stack, monitor, span):
    """Metrics of the link that left their valid range: a warning whatever the past says."""
    if monitor != "dwcp":
        return []
    left = set()
    for labels, values in stack.samples(f'anomaly_value{{monitor="{monitor}"}}', span):
        least, most = stack.VALID[labels["metric"]]
        if any(not least <= value <= most for _, value in values):
            left.add(labels["metric"])
    return sorted(left)


def _first_sample(series, since, condition=lambda v: True):
    return min((at for _, values in series for at, value in values
                if at >= since and condition(value)), default=None)


def _since(onset, moment):
    return None if moment is None else round(moment - onset, 2)


def _stages(onset, moments):
    """Lengths of the stages. A moment that a later one precedes (a limit needs no score) takes no
    time; after the last that came there is nothing to say."""
    out, before = {}, onset
    last = max((i for i, m in enumerate(moments) if m is not None), default=-1)
    for i, stage in enumerate(STAGES):
        if i > last:
            out[stage] = None
            continue
        later = [m for m in moments[i:] if m is not None]
        moment = max(before, min(later))
        out[stage] = round(moment - before, 2)
        before = moment
    return out
