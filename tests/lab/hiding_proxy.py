"""Stands between anomaly_exporter and Prometheus and hides stretches of time from it.

Deleting the samples of a stretch would not do: rate() over a window that is only partly covered is
too small, and the first ticks after the hole would look like a fault of their own.
"""
import http.server
import json
import threading
import urllib.error
import urllib.parse
import urllib.request


class HidingProxy:
    """Passes requests of the query API on; evaluations at hidden times have no result."""

    def __init__(self, upstream):
        self.upstream, self._hidden = upstream, []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._answer(None)

            def do_POST(self):
                self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def _answer(self, data):
                request = urllib.request.Request(proxy.upstream + self.path, data=data)
                for name in ("Content-Type", "Accept", "Content-Encoding"):
                    if name in self.headers:
                        request.add_header(name, self.headers[name])
                try:
                    with urllib.request.urlopen(request, timeout=30) as response:
                        status, body = response.status, response.read()
                        kind = response.headers.get("Content-Type", "")
                except urllib.error.HTTPError as error:
                    status, body = error.code, error.read()
                    kind = error.headers.get("Content-Type", "")
                except OSError as error:
                    status, body, kind = 503, str(error).encode(), "text/plain"
                if status == 200 and "json" in kind and proxy.hides_anything():
                    body = proxy.filter(body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hide(self, begin, end):
        self._hidden = [*self._hidden, (begin, end)]

    def hides_anything(self):
        return bool(self._hidden)

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
