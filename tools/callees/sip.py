"""As much SIP (RFC 3261) over UDP as a callee needs: messages, and the server transactions that
repeat themselves until they are acknowledged. Independent of Trunkline's own SIP on purpose."""

import asyncio
import re

T1 = 0.5
T2 = 4.0
TIMEOUT = 64 * T1
COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "c": "content-type", "k": "supported",
}
SPELLING = {"call-id": "Call-ID", "cseq": "CSeq"}
REASONS = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 400: "Bad Request",
    404: "Not Found", 405: "Method Not Allowed", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 603: "Decline",
}


class Message:
    """A request (`method`, `uri`) or a response (`status`), its headers in order, its body."""

    def __init__(self, first_line, headers, body=b""):
        self.first_line = first_line
        self.headers = headers
        self.body = body
        self.status = None
        self.method, self.uri = "", ""
        if first_line.startswith("SIP/2.0 "):
            self.status = int(first_line.split(" ")[1])
        else:
            self.method, self.uri, _ = first_line.split(" ")

    @classmethod
    def parse(cls, data):
        """Raises ValueError or IndexError when it is no SIP message."""
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8")).split("\r\n")
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"header without a colon: {line[:40]!r}")
            name = name.strip().lower()
            headers.append((COMPACT.get(name, name), value.strip()))
        return cls(lines[0], headers, body)

    def get(self, name):
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    @property
    def branch(self):
        found = re.search(r";\s*branch=([^;,\s]+)", self.get("via"))
        return found.group(1) if found else ""

    @property
    def sequence(self):
        """(number, method) of the CSeq."""
        number, method = self.get("cseq").split()
        return int(number), method

    def serialised(self):
        lines = [self.first_line]
        lines += [f"{SPELLING.get(name, name.title())}: {value}" for name, value in self.headers]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body


def tag(value):
    """The tag of a From or To value, or an empty string."""
    found = re.search(r";\s*tag=([^;\s]+)", value.rpartition(">")[2] or value)
    return found.group(1) if found else ""


def address(value):
    """The URI of a Contact, Route, From or To value."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def user(uri):
    """The user part of a SIP URI, or an empty string."""
    found = re.match(r"sips?:([^@;>]*)@", uri)
    return found.group(1).split(":")[0] if found else ""


def response(request, status, local_tag="", headers=(), body=b""):
    """The response to a request: RFC 3261 8.2.6."""
    copied = [
        (name, value) for name, value in request.headers
        if name in ("via", "record-route", "from", "call-id", "cseq")
    ]
    to = request.get("to")
    if local_tag and not tag(to):
        to += f";tag={local_tag}"
    copied.append(("to", to))
    return Message(f"SIP/2.0 {status} {REASONS[status]}", copied + list(headers), body)


class Repeater:
    """Sends a datagram again after T1, 2·T1 … at most T2, until stopped or 64·T1 have passed."""

    def __init__(self, send):
        self._task = asyncio.get_running_loop().create_task(self._run(send))

    async def _run(self, send):
        wait, total = T1, 0.0
        send()
        while total < TIMEOUT:
            await asyncio.sleep(wait)
            total += wait
            wait = min(2 * wait, T2)
            send()

    def stop(self):
        self._task.cancel()
