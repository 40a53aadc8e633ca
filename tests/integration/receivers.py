"""What an Alertmanager notifies, played on loopback: Slack's incoming webhook, PagerDuty's Events
API v2, the generic webhook, and a mail server that speaks as much SMTP as it takes to hand over a
message. Everything received is kept with the monotonic time of its arrival."""
import email
import email.policy
import json
import socketserver
import threading
import time

import loopback


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


class HttpReceivers(loopback.HttpService):
    """`/slack`, `/v2/enqueue` and `/webhook`, each answering as its original does."""

    def __init__(self, inbox):
        self._inbox = inbox
        super().__init__()

    def answer(self, request):
        body = json.loads(request.data)
        if request.path == "/slack":
            self._inbox.add("slack", body)
            return 200, "text/plain", b"ok"
        if request.path == "/v2/enqueue":
            self._inbox.add("pagerduty", body)
            return 202, "application/json", json.dumps(
                {"status": "success", "message": "Event processed",
                 "dedup_key": body.get("dedup_key", "")}).encode()
        if request.path == "/webhook":
            self._inbox.add("webhook", body)
            return 200, "application/json", b'{"status":"success"}'
        return 404, "text/plain", b"no such receiver"


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
