"""Where rtpload may send, and what it says to a wrong command line."""
import base64
import http.server
import json
import pathlib
import tempfile
import threading

from .echo import Echo, OURS, said

LOCAL = ("--to", "127.0.0.1:24000")
#: Not 127/8 and no private network: refused with --lab, too.
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "126.255.255.255", "128.0.0.1", "9.255.255.255", "11.0.0.1", "172.15.255.255",
    "172.32.0.1", "192.167.255.255", "192.169.0.1", "100.64.0.1", "169.254.0.1", "224.0.0.1",
    "255.255.255.255", "0.0.0.0", "example.com", "8.8.8.8.nip.io", "134744072", "0x7f000001", "127.1",
]
PRIVATE = ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"]
ABROAD = "rtpload sends to 127/8, and with --lab to private IPv4 addresses"
AT_HOME = "say --lab if this machine is yours to load"

WRONG = [
    (("--bogus",), "unknown argument --bogus"),
    (("--to",), "--to needs a value"),
    (("--legs", 1), "give one of --to, --legs-file, --api"),
    ((*LOCAL, "--api", "http://127.0.0.1:24000"), "give one of --to, --legs-file, --api"),
    (("--to", "127.0.0.1"), "give HOST:PORT or HOST:PORT+STEP"),
    (("--to", "127.0.0.1:70000"), "give HOST:PORT or HOST:PORT+STEP"),
    (("--to", "127.0.0.1:0"), "give HOST:PORT or HOST:PORT+STEP"),
    (("--to", "127.0.0.1:24000+x"), "give HOST:PORT or HOST:PORT+STEP"),
    (("--to", "127.0.0.1:65534+2", "--legs", 5), "more legs than ports above the first"),
    (("--to", "127.0.0.1:24000+0", "--legs", 2), "two legs go to the same port"),
    ((*LOCAL, "--legs", 0), "--legs 0: give 1-20000"),
    ((*LOCAL, "--legs", "many"), "--legs many: give 1-20000"),
    ((*LOCAL, "--seconds", 0), "--seconds must be above 0"),
    ((*LOCAL, "--seconds", "nan"), "--seconds nan: give 0.0-3600.0"),
    ((*LOCAL, "--ptime", 15), "--ptime 15: give tens of ms"),
    ((*LOCAL, "--codec", "opus"), "--codec opus: give pcmu or pcma"),
    ((*LOCAL, "--loss", 101), "--loss 101: give 0.0-100.0"),
    ((*LOCAL, "--match", "luck"), "--match luck: give timestamp or audio"),
    ((*LOCAL, "--suite", "NONE"), "--suite NONE: give one of"),
    ((*LOCAL, "--key", "abc"), "a key of AES_CM_128_HMAC_SHA1_80 is 30 bytes in base64"),
    ((*LOCAL, "--srtp"), "--srtp needs --api; --to takes --key"),
    (("--api", "http://127.0.0.1:1", "--key", base64.b64encode(bytes(30)).decode()), "--key needs --to"),
    (("--legs-file", "legs", "--own-addresses"), "--own-addresses needs --to"),
    ((*LOCAL, "--ssrc", "1234"), "--ssrc needs --pcap"),
    ((*LOCAL, "--pcap", "/nowhere", "--ssrc", "xyz"), "--ssrc xyz: give 8 hexadecimal digits"),
    ((*LOCAL, "--pcap", "/nowhere"), "cannot read /nowhere"),
    ((*LOCAL, "--wav", "/nowhere"), "cannot read /nowhere"),
    ((*LOCAL, "--wav", __file__), "refusing.py: "),
    ((*LOCAL, "--pcap", __file__), "refusing.py: "),
    ((*LOCAL, "--wav", "a", "--pcap", "b"), "give --wav or --pcap"),
    ((*LOCAL, "--match", "audio", "--pcap", "b"), "no --pcap"),
    ((*LOCAL, "--bind", "here"), "--bind here: give an IPv4 address"),
    ((*LOCAL, "--bind", "203.0.113.1"), "cannot bind 203.0.113.1"),
    (("--api", "ftp://127.0.0.1"), "give http://HOST:PORT"),
    (("--api", "http://127.0.0.1:99999"), "give http://HOST:PORT"),
    (("--api", "http://127.0.0.1:1"), "no answer"),
    (("--legs-file", "/nowhere"), "cannot read /nowhere"),
]


def fault(program, words, wanted):
    """What is wrong with the refusal of `words`, or None: exit code 1, one line of error, no output."""
    more = () if "--seconds" in words else ("--seconds", 0.1)
    code, output, error = said(program, *words, *more)
    if code == 1 and not output and wanted in error and len(error.splitlines()) == 1:
        return None
    return f"{' '.join(map(str, words))}: {code}, {error[:200] or output[:200]!r}"


def addresses(program):
    cases = [(("--to", f"{host}:24000", *lab), ABROAD) for host in PUBLIC for lab in ((), ("--lab",))]
    cases += [(("--to", f"{host}:24000"), AT_HOME) for host in PRIVATE]
    cases += [(("--to", f"127.0.0.1:24000,{host}:24000", "--legs", 2), ABROAD) for host in PUBLIC[:2]]
    cases += [(("--api", f"http://{host}:24000"), ABROAD) for host in PUBLIC[:2]]
    with tempfile.TemporaryDirectory() as folder:
        legs = pathlib.Path(folder) / "legs"
        legs.write_text("24000,0,-,-\n8.8.8.8:24000,1,-,-\n")
        cases.append((("--legs-file", legs), ABROAD))
        faults = [fault(program, *case) for case in cases]
    print(f"addresses: {faults.count(None)} of {len(cases)} refused")
    yield from filter(None, faults)


def options(program):
    faults = [fault(program, *case) for case in WRONG]
    for words in ((), ("--help",)):
        code, output, error = said(program, *words)
        if code != 0 or error or "--to HOST:PORT" not in output:
            faults.append(f"{words}: no help")
    print(f"options: {faults.count(None)} of {len(WRONG)} refused")
    yield from filter(None, faults)


class Server(http.server.ThreadingHTTPServer):
    """`POST /v1/legs` and `DELETE /v1/legs/ID`; `changes` replaces parts of each answer."""

    def __init__(self, echo, **changes):
        self.echo, self.changes, self.offers, self.removed = echo, changes, [], []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        server = self.server
        server.offers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        number = len(server.offers) - 1
        key = base64.b64encode(bytes(range(30))).decode()
        # The echo gives back what it gets: a key for both ways can only be the one offered.
        offered = server.offers[-1]["offer"].partition("inline:")[2].split("\r\n")[0] or key
        answer = {
            "leg_id": f"leg-{number}", "port": server.echo.first + 2 * number,
            "answer": f"v=0\r\nc=IN IP4 {server.changes.get('host', '127.0.0.1')}\r\n"
                      f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{offered}\r\n"}
        answer.update(server.changes.get("answer", {}))
        self.reply(json.dumps(answer).encode())

    def do_DELETE(self):
        self.server.removed.append(self.path.rpartition("/")[2])
        self.reply(b"{}")

    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def legs_by_api(program):
    """Legs are made, secured, removed; an answer that points abroad is refused, and its leg removed."""
    def run(**changes):
        with Echo(legs=2) as echo, Server(echo, **changes) as server:
            result = said(program, "--api", f"http://127.0.0.1:{server.server_port}", "--legs", 2,
                          "--srtp", "--seconds", 0.5, "--warmup", 0.2, "--from", OURS)
            server.shutdown()
        return *result, server, sum(map(len, echo.heard))

    code, output, error, server, _ = run()
    result = json.loads(output) if code == 0 else {}
    print(f"by API: sent {result.get('sent')} received {result.get('received')} removed {server.removed} {error}")
    if not result.get("sent") or result["received"] != result["sent"]:
        yield "not all came back"
    if any(" RTP/SAVP " not in offer["offer"] for offer in server.offers):
        yield "the offer is not secure"
    if sorted(server.removed) != ["leg-0", "leg-1"]:
        yield "legs are left"
    for changes, wanted in (({"host": "8.8.8.8"}, ABROAD), ({"host": "10.0.0.1"}, AT_HOME),
                            ({"answer": {"port": 70_000}}, "POST /v1/legs: "),
                            ({"answer": {"port": 0}}, "POST /v1/legs: "),
                            ({"answer": {"answer": "v=0\r\n"}}, "the answer has no SRTP key")):
        code, output, error, server, heard = run(**changes)
        if code != 1 or output or wanted not in error or heard:
            yield f"{changes}: {code} {error[:200]}"
        if "answer" not in changes and server.removed != ["leg-0"]:
            yield f"{changes}: the leg is left"
