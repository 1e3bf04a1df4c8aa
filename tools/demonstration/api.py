"""Trunkline's HTTP API, as far as the demo needs it."""

import json
import threading
import urllib.error
import urllib.request


class APIError(Exception):
    """A request that failed, in one line."""


class API:
    def __init__(self, base):
        self.base = base

    def _open(self, method, path, body=None, kind="application/json", timeout=10):
        data = None
        if body is not None:
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method, headers={"Content-Type": kind})
        try:
            return urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            try:
                text = json.loads(text)["error"]["message"]
            except (ValueError, KeyError, TypeError):
                pass
            raise APIError(f"{method} {path}: {error.code}: {text[:300]}") from None
        except OSError as error:
            raise APIError(f"{method} {path}: {error}") from None

    def text(self, path):
        with self._open("GET", path) as response:
            return response.read().decode()

    def get(self, path):
        return json.loads(self.text(path))

    def post(self, path, body=None, kind="application/json"):
        with self._open("POST", path, "" if body is None else body, kind) as response:
            text = response.read().decode()
        return json.loads(text) if text else {}

    def healthy(self):
        """True when every socket is bound and the store is open."""
        try:
            return self.get("/api/health")["status"] == "ok"
        except APIError:
            return False

    def follow(self, path, handle):
        """Calls `handle` with each event of a server-sent event stream, from a thread of its own,
        until the server ends. Returns once the stream is open."""
        response = self._open("GET", path, timeout=None)

        def read():
            try:
                for line in response:
                    if line.startswith(b"data:"):
                        handle(json.loads(line[5:]))
            except OSError:
                pass  # The server went away; whoever started it knows why.

        threading.Thread(target=read, daemon=True).start()
