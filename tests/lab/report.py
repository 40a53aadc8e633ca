"""The results as a table for people and as JSON."""
import os
import platform
import statistics
import subprocess

import servers
import timing


def alert_text(labels):
    return (f"{labels['alertname']} {labels.get('severity', '')} of {labels['monitor']} "
            f"{labels.get('metric', '')}").rstrip()


def run_text(run):
    if not run["found"]:
        score = run["score_seconds"]
        return (f"{run['fault']}: NOT FOUND; score " +
                ("stayed below the threshold" if score is None else f"after {score:.1f} s"))
    return (f"{run['fault']}: score {_number(run['score_seconds'])} s, alert "
            f"{_number(run['alert_seconds'])} s, notification {run['notification_seconds']:.1f} s "
            f"({run['metric']}; {', '.join(run['detectors']) or 'no detector alone'}"
            f"{'; limits ' + ', '.join(run['limits']) if run['limits'] else ''})")


def _number(value):
    return "-" if value is None else f"{value:.1f}"


def _median(values):
    known = [v for v in values if v is not None]
    return statistics.median(known) if known else None


def result(runs, quiet, options, seconds):
    version = subprocess.run([servers.EXPORTER, "--version"], capture_output=True, text=True)
    by_fault = {}
    for name in options.faults:
        of = [r for r in runs if r["fault"] == name]
        if not of:
            continue
        by_fault[name] = {
            "injected": len(of), "found": sum(r["found"] for r in of),
            "detectors": _counts(d for r in of for d in r["detectors"]),
            "limits": _counts(m for r in of for m in r["limits"]),
            **{f"median_{k}": _median([r[k] for r in of]) for k in
               ("score_seconds", "alert_seconds", "notification_seconds")},
            "longest_notification_seconds": max(
                (r["notification_seconds"] for r in of if r["found"]), default=None)}
    found = [r for r in runs if r["found"]]
    false_alarms = sum(len(q["alarms"]) for q in quiet)
    return {
        "version": version.stdout.splitlines()[0] if version.stdout else "",
        "machine": {"cores": os.cpu_count(), "kernel": platform.release(),
                    "load_1m": os.getloadavg()[0]},
        "interval_seconds": options.interval, "rounds": options.rounds,
        "warm_up_seconds": options.warm_up,
        "history": "real warm-up, nothing simulated", "duration_seconds": round(seconds),
        "all_found": bool(runs) and len(found) == len(runs),
        "median_notification_seconds": _median([r["notification_seconds"] for r in found]),
        "median_stage_seconds": {s: _median([r["stages"][s] for r in found])
                                 for s in timing.STAGES},
        "mean_stage_seconds": {s: statistics.fmean(r["stages"][s] for r in found)
                               for s in timing.STAGES} if found else {},
        "not_calm_before": sum(not r["calm_before"] for r in runs),
        "quiet_seconds": sum(q["seconds"] for q in quiet), "false_alarms": false_alarms,
        "faults": by_fault, "quiet": quiet, "runs": runs}


def _counts(names):
    counts = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _by(fault):
    parts = [f"{name} {n}" for name, n in fault["detectors"].items()]
    parts += [f"limit of {name} {n}" for name, n in fault["limits"].items()]
    return ", ".join(parts) or "none alone"


def table(result):
    lines = ["", "| fault | found | score | alert | notification | longest | "
             "detectors over the threshold, limits crossed (runs) |", "|---" * 7 + "|"]
    for name, fault in result["faults"].items():
        lines.append(f"| {name} | {fault['found']} of {fault['injected']} | " + " | ".join(
            _number(fault[k]) for k in ("median_score_seconds", "median_alert_seconds",
                                        "median_notification_seconds",
                                        "longest_notification_seconds")) + f" | {_by(fault)} |")
    median = _number(result["median_notification_seconds"])
    lines += ["", "Seconds from the onset, medians over the runs; "
              f"median of all notifications {median} s.", ""]
    means = result["mean_stage_seconds"]
    total = sum(means.values())
    if total > 0:
        lines += ["| stage | " + " | ".join(timing.STAGES) + " | sum |",
                  "|---" * (len(timing.STAGES) + 2) + "|",
                  "| mean seconds | " + " | ".join(f"{means[s]:.1f}" for s in timing.STAGES) +
                  f" | {total:.1f} |",
                  "| share | " + " | ".join(f"{100 * means[s] / total:.0f} %"
                                            for s in timing.STAGES) + " | 100 % |", ""]
    if result["not_calm_before"]:
        lines += [f"Begun although it was not calm: {result['not_calm_before']} of "
                  f"{len(result['runs'])} runs.", ""]
    machine = result["machine"]
    lines += [f"False alarms in {result['quiet_seconds']:.0f} s of quiet: "
              f"{result['false_alarms']}" +
              "".join(f"; {alert_text(a['labels'])} after {a['seconds']:.0f} s"
                      for q in result["quiet"] for a in q["alarms"]) + ".",
              f"{result['version']}; {machine['cores']} cores, Linux {machine['kernel']}; "
              f"{result['interval_seconds']} s intervals, {result['rounds']} rounds, "
              f"{result['warm_up_seconds']} s of warm-up "
              f"({result['history']}), {result['duration_seconds']} s in all."]
    return "\n".join(lines)


