"""Receives Kassa's events with Python alone: verifies the bearer token, remembers each id together with what it does,
ignores what is older than what it knows, and answers at once.

TOKEN is the value of the sink's tokenSecretRef. PORT is where it listens, 8080 by default.
"""

import hmac
import json
import os
import sqlite3
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = os.environ["TOKEN"]
MAX_EVENT = 4 << 20  # larger than any event that Kassa delivers, in bytes

# An application's own database goes here. The id and the change are one transaction.
db = sqlite3.connect(":memory:", check_same_thread=False)
lock = threading.Lock()
db.executescript(
    """
    CREATE TABLE seen (id TEXT PRIMARY KEY);
    CREATE TABLE access (subscription TEXT PRIMARY KEY, user TEXT, plan TEXT, status TEXT, as_of TEXT);
    """
)


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def apply(event):
    with lock, db:
        if db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (event["id"],)).rowcount == 0:
            return
        if not event["type"].startswith("dev.kassa.subscription."):
            return
        known = db.execute("SELECT as_of FROM access WHERE subscription = ?", (event["subject"],)).fetchone()
        if known and when(event["time"]) < when(known[0]):
            return
        customer = event["data"].get("customer", {})
        subscription = event["data"].get("subscription", {})
        db.execute(
            """
            INSERT INTO access VALUES (?, ?, ?, ?, ?) ON CONFLICT (subscription) DO UPDATE SET
              user = coalesce(excluded.user, user), plan = coalesce(excluded.plan, plan),
              status = coalesce(excluded.status, status), as_of = excluded.as_of
            """,
            (event["subject"], customer.get("userID"), subscription.get("plan"), subscription.get("status"),
             event["time"]),
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path != "/access":
            return self.answer(404)
        with lock:
            rows = db.execute("SELECT * FROM access").fetchall()
        body = {r[0]: {"user": r[1], "plan": r[2], "status": r[3], "asOf": r[4]} for r in rows}
        return self.answer(200, json.dumps(body).encode())

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_EVENT:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(length)  # read before any answer, or the connection is of no more use
        if self.path != "/billing":
            return self.answer(404)
        given = self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, b"Bearer " + TOKEN.encode()):
            return self.answer(401)
        try:
            apply(json.loads(body))  # what takes longer, such as an email, begins after the answer
        except (ValueError, KeyError, TypeError, AttributeError):
            return self.answer(400)
        return self.answer(204)

    def answer(self, status, body=b""):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass  # the address of whoever asks is nobody's business


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
