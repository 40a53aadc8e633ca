"""Reads a metrics page, and checks one against the OpenMetrics text format, strictly."""
import collections
import math
import re

Sample = collections.namedtuple("Sample", "name labels value")

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
_LINE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|Inf)|NaN")
_SUFFIXES = {"counter": ("_total", "_created"), "gauge": ("",), "unknown": ("",),
             "histogram": ("_bucket", "_count", "_sum", "_created"),
             "summary": ("", "_count", "_sum", "_created")}


def _labels(text, line):
    labels, at = {}, 0
    while at < len(text):
        found = _LABEL.match(text, at)
        if not found:
            raise ValueError(f"bad labels: {line}")
        if found[1] in labels:
            raise ValueError(f"label twice: {line}")
        labels[found[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], found[2])
        at = found.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise ValueError(f"bad labels: {line}")
            at += 1
    return labels


def _sample(line):
    found = _LINE.fullmatch(line)
    if not found or not _NUMBER.fullmatch(found[3]):
        raise ValueError(f"bad line: {line}")
    return Sample(found[1], _labels(found[2] or "", line), float(found[3]))


def parse(page):
    """Samples of a page in either format."""
    return [_sample(line) for line in page.split("\n") if line and not line.startswith("#")]


def check_openmetrics(page):
    """Raises ValueError at the first breach of the OpenMetrics text format (no exemplars)."""
    if not page.endswith("\n# EOF\n"):
        raise ValueError("the page does not end in # EOF")
    families, keys, samples = {}, set(), collections.defaultdict(list)
    current = kind = None
    for line in page[:-len("# EOF\n")].split("\n")[:-1]:
        meta = re.fullmatch(rf"# (TYPE|HELP|UNIT) ({_NAME}) (.*)", line)
        if meta:
            if meta[2] != current:
                if meta[2] in families:
                    raise ValueError(f"family in two places: {line}")
                current, kind = meta[2], "unknown"
                families[current] = set()
            if meta[1] in families[current] or samples[current]:
                raise ValueError(f"metadata twice or late: {line}")
            families[current].add(meta[1])
            if meta[1] == "TYPE":
                kind = meta[3]
                if kind not in _SUFFIXES:
                    raise ValueError(f"type: {line}")
            continue
        sample = _sample(line)
        if current is None or not sample.name.startswith(current) or \
                sample.name[len(current):] not in _SUFFIXES[kind]:
            raise ValueError(f"not a sample of {current} ({kind}): {line}")
        key = (sample.name, frozenset(sample.labels.items()))
        if key in keys:
            raise ValueError(f"sample twice: {line}")
        keys.add(key)
        if kind == "counter" and not sample.value >= 0:
            raise ValueError(f"counter below zero: {line}")
        samples[current].append(sample)
        if kind == "histogram" and sample.name.endswith("_bucket"):
            bound = sample.labels["le"]
            if bound != "+Inf" and not re.search(r"[.e]", bound):
                raise ValueError(f"bound not written as a float: {line}")
    for family, of_family in samples.items():
        if any(s.name == family + "_bucket" for s in of_family):
            _check_histogram(family, of_family)
    return families


def _check_histogram(family, samples):
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for s in samples:
        key = frozenset((k, v) for k, v in s.labels.items() if k != "le")
        groups[key][s.name[len(family):]].append(s)
    for group in groups.values():
        bounds = [float(s.labels["le"].replace("Inf", "inf")) for s in group["_bucket"]]
        counts = [s.value for s in group["_bucket"]]
        if bounds != sorted(bounds) or bounds[-1] != math.inf or counts != sorted(counts):
            raise ValueError(f"buckets of {family} out of order")
        if len(group["_count"]) != 1 or len(group["_sum"]) != 1 or \
                group["_count"][0].value != counts[-1]:
            raise ValueError(f"count of {family} is not its last bucket")
