"""Stands between anomaly_exporter and Prometheus and hides stretches of time from it.

Deleting the samples of a stretch would not do: rate() over a window that is only partly covered is
too small, and the first ticks after the hole would look like a fault of their own.
"""
import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request

import loopback


class HidingProxy(loopback.HttpService):
    """Passes requests of the query API on; evaluations at hidden times have no result."""

    def __init__(self, upstream):
        self.upstream, self._hidden = upstream, []
        super().__init__()

    def answer(self, request):
        asked = urllib.request.Request(self.upstream + request.path, data=request.data)
        for name in ("Content-Type", "Accept", "Content-Encoding"):
            if name in request.headers:
                asked.add_header(name, request.headers[name])
        try:
            with urllib.request.urlopen(asked, timeout=30) as response:
                status, body = response.status, response.read()
                kind = response.headers.get("Content-Type", "")
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
            kind = error.headers.get("Content-Type", "")
        except OSError as error:
            status, body, kind = 503, str(error).encode(), "text/plain"
        if status == 200 and "json" in kind and self._hidden:
            body = self.filter(body)
        return status, kind, body

    def hide(self, begin, end=math.inf):
        self._hidden = [*self._hidden, (begin, end)]

    def hide_no_more(self):
        """From now on; what is past stays hidden."""
        now = time.time()
        self._hidden = [(begin, min(end, now)) for begin, end in self._hidden]

    def _is_hidden(self, at):
        return any(begin <= at <= end for begin, end in self._hidden)

    def filter(self, body):
        """Takes the hidden times out of an answer."""
        answer = json.loads(body)
        data = answer.get("data")
        if not isinstance(data, dict) or data.get("resultType") not in ("vector", "matrix"):
            return body
        kept = []
        for series in data["result"]:
            if "values" in series:
                series["values"] = [v for v in series["values"] if not self._is_hidden(v[0])]
                if series["values"]:
                    kept.append(series)
            elif not self._is_hidden(series["value"][0]):
                kept.append(series)
        data["result"] = kept
        return json.dumps(answer).encode()
