"""An HTTP server on a free loopback port, for what a test plays itself."""
import http.server
import threading


class HttpService:
    """Answers each request by `self.answer(request)`: (status, content type, body), or None to say
    nothing. `request` has command, path, headers and `data`, the body as bytes, or None
    where the request had none. Requests come on threads of their own."""

    def __init__(self):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _serve(self):
                length = self.headers.get("Content-Length")
                self.data = None if length is None else self.rfile.read(int(length))
                answer = service.answer(self)
                if answer is None:
                    return
                status, kind, body = answer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _serve

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def answer(self, request):
        raise NotImplementedError

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
