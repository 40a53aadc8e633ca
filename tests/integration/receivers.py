"""What an Alertmanager notifies, played on loopback: Slack's incoming webhook, PagerDuty's Events
API v2, the generic webhook, and a mail server that speaks as much SMTP as it takes to hand over a
message. Everything received is kept with the monotonic time of its arrival."""
import email
import email.policy
import http.server
import json
import socketserver
import threading
import time


class Inbox:
    """Messages by kind: slack, pagerduty, webhook, email; each a (seconds, content)."""

    def __init__(self):
        self._lock = threading.Lock()
        self._kept = []

    def add(self, kind, content):
        with self._lock:
            self._kept.append((kind, time.monotonic(), content))

    def all(self, kind):
        with self._lock:
            return [(when, content) for k, when, content in self._kept if k == kind]

    def of(self, kind):
        return [content for _, content in self.all(kind)]

    def counts(self):
        return {kind: len(self.of(kind)) for kind in ("slack", "pagerduty", "webhook", "email")}


class HttpReceivers:
    """`/slack`, `/v2/enqueue` and `/webhook`, each answering as its original does."""

    def __init__(self, inbox):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/slack":
                    inbox.add("slack", body)
                    self.answer(200, "text/plain", b"ok")
                elif self.path == "/v2/enqueue":
                    inbox.add("pagerduty", body)
                    self.answer(202, "application/json", json.dumps(
                        {"status": "success", "message": "Event processed",
                         "dedup_key": body.get("dedup_key", "")}).encode())
                elif self.path == "/webhook":
                    inbox.add("webhook", body)
                    self.answer(200, "application/json", b'{"status":"success"}')
                else:
                    self.answer(404, "text/plain", b"no such receiver")

            def answer(self, status, kind, body):
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
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """Takes messages without TLS and without a password, as a relay on the own host does."""

    def __init__(self, inbox):
        class Handler(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self):
                recipients = []
                self.say("220 test ESMTP")
                while line := self.rfile.readline():
                    word = line.split(b":")[0].strip().upper()
                    if word.startswith((b"EHLO", b"HELO")):
                        self.say("250 test")
                    elif word == b"RCPT TO":
                        recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                        self.say("250 ok")
                    elif word == b"DATA":
                        self.say("354 go on")
                        data = b""
                        while (part := self.rfile.readline()) not in (b".\r\n", b""):
                            data += part[1:] if part.startswith(b"..") else part
                        message = email.message_from_bytes(data, policy=email.policy.default)
                        inbox.add("email", (recipients, message))
                        self.say("250 kept")
                    elif word == b"QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = "127.0.0.1:%d" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
