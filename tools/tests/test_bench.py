"""tools/bench/run: what its figures, tables and picture are made of."""

import importlib.machinery
import importlib.util
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree as XML

TOOLS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOOLS / "bench"))
from harness import candidates, measure, plot, tables  # noqa: E402


def script():
    loader = importlib.machinery.SourceFileLoader("bench_run", str(TOOLS / "bench" / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", loader))
    loader.exec_module(module)
    return module


def result(cost, late=0, lost=0, p99=400.0, seconds=4.0):
    return {
        "cost_ms": cost, "sent": 1000, "lost": lost, "late": late, "replies": {"missing": 0},
        "seconds": seconds, "latency_us": {"p50": 100.0, "p99": p99},
        "audio": {"lost": 0, "late": 0, "returned": 900, "latency_us": {"p50": 90_000.0}},
        "server": {"us_per_packet": cost * 20, "cpu_s": cost * 2.0},
        "host": {"kib_per_call": 40.0, "tick_p99_s": 0.0005,
                 "memory": [(0, 100), (1, 200), (2, 210), (3, 215)]}}


class Lateness(unittest.TestCase):
    TEXT = ('# TYPE trunkline_media_tick_lateness_seconds histogram\n'
            'trunkline_media_tick_lateness_seconds_bucket{le="0.0005"} 90\n'
            'trunkline_media_tick_lateness_seconds_bucket{le="0.001"} 98\n'
            'trunkline_media_tick_lateness_seconds_bucket{le="+Inf"} 100\n'
            'trunkline_media_tick_lateness_seconds_count 100\n')

    def test_buckets_are_read_from_prometheus_text(self):
        self.assertEqual(measure.lateness_buckets(self.TEXT),
                         {0.0005: 90, 0.001: 98, float("inf"): 100})

    def test_quantile_counts_only_what_came_between_the_readings(self):
        after = measure.lateness_buckets(self.TEXT)
        self.assertEqual(measure.quantile_between({}, after, 0.5), 0.0005)
        self.assertEqual(measure.quantile_between({}, after, 0.98), 0.001)
        self.assertEqual(measure.quantile_between({}, after, 0.99), float("inf"))
        start_up = {0.0005: 89, 0.001: 89, float("inf"): 90}
        self.assertEqual(measure.quantile_between(start_up, after, 0.99), float("inf"))
        self.assertIsNone(measure.quantile_between(after, after, 0.99))


class Aims(unittest.TestCase):
    def section(self, ours, theirs):
        return {"aims": {"calls": {"A": 500, "B": 300},
                         "results": {"ai100@500": ours, "floor-ai100@500": theirs}}}

    def row(self, results, number):
        return next(row for row in tables.aim_rows(results) if row[0] == number)

    def test_ratio_is_the_median_of_the_rounds_own_ratios(self):
        # 1.0, 1.05 and 3.0: a mean of costs would say otherwise.
        results = self.section([result(1.0), result(2.1), result(3.0)],
                               [result(1.0), result(2.0), result(1.0)])
        row = self.row(results, "1a")
        self.assertEqual(row[3:], ("1.05 (1.00–3.00)", True))

    def test_ratio_above_the_limit_is_not_met(self):
        row = self.row(self.section([result(1.2)], [result(1.0)]), "1a")
        self.assertEqual(row[3:], ("1.20 (1.20–1.20)", False))

    def test_round_in_which_one_failed_is_left_out(self):
        results = self.section([None, result(1.0)], [result(9.0), result(1.0)])
        self.assertEqual(self.row(results, "1a")[3], "1.00 (1.00–1.00)")

    def test_aim_without_figures_is_neither_met_nor_missed(self):
        row = self.row(self.section([None], [None]), "1a")
        self.assertEqual(row[3:], ("–", None))
        self.assertEqual(tables.verdict(row[4]), "–")

    def test_soak_names_each_failure(self):
        bad = result(0.6, late=3, p99=6000.0, seconds=300.0)
        rows = {row[0]: row[4] for row in tables.aim_rows(
            {"soak": {"results": {"mux20@1000": [bad]}}})}
        self.assertEqual(rows, {"3a": False, "3b": False, "3c": True, "3d": True, "3e": True,
                                "3f": True})

    def test_memory_growth_starts_after_the_first_quarter(self):
        self.assertEqual(tables.growth_kib([(0, 100), (1, 200), (2, 210), (3, 215)]), 15)
        self.assertIsNone(tables.growth_kib([(0, 100)]))

    def test_a_cost_that_rises_with_the_calls_is_not_linear(self):
        def rows(most):
            section = {"results": {"ai100@100": [result(1.0)], "ai100@500": [result(0.8)],
                                   "ai100@1000": [result(most)]}}
            return [row[4] for row in tables.sweep_rows(section)]
        self.assertEqual(rows(0.9), [True])
        self.assertEqual(rows(1.1), [False])


class Document(unittest.TestCase):
    def test_only_what_lies_between_the_markers_changes(self):
        document = f"before\n{tables.START}\nold\n{tables.END}\nafter\n"
        self.assertEqual(tables.replaced(document, "new"),
                         f"before\n{tables.START}\nnew\n{tables.END}\nafter\n")

    def test_the_real_document_has_the_markers_once(self):
        text = (TOOLS.parent / "docs" / "PERFORMANCE.md").read_text()
        self.assertEqual((text.count(tables.START), text.count(tables.END)), (1, 1))

    def test_sections_are_drawn_with_their_own_date_and_command(self):
        section = {"date": "2026-01-02", "machine": "m", "load": [0.5, 1.0], "command": "tools/bench/run",
                   "results": {"ai100@100": [result(1.0)], "ai100@500": [result(0.9)]}}
        text = tables.render({"sweep": section}, {"ai100": "engine"}, lambda key: key, "sweep.svg")
        self.assertIn("2026-01-02, m, load 0.5 before and 1.0 after (1 min): `tools/bench/run`.", text)
        self.assertIn("![CPU and added latency against calls](sweep.svg)", text)
        self.assertIn("| 5 | ai100: ms a call-second from 100 to 500 calls |", text)

    def test_table_shows_a_candidate_that_never_ran(self):
        line = tables.row("x", 100, [None], [])
        self.assertEqual(line.count("|"), tables.HEADING[0].count("|"))

    def test_a_generator_that_was_late_is_marked(self):
        self.assertIn("| x |", tables.row("x", 100, [{**result(1.0), "generator_late_sends": 10}], []))
        self.assertIn("| x † |",
                      tables.row("x", 100, [result(1.0), {**result(1.0), "generator_late_sends": 11}], []))

    def test_row_has_as_many_cells_as_the_heading(self):
        line = tables.row("x", 100, [result(1.0)], [result(2.0)])
        self.assertEqual(line.count("|"), tables.HEADING[0].count("|"))
        self.assertIn("0.50 (0.50–0.50)", line)
        self.assertIn("0.10 / 0.40 (bot 90)", line)


class Command(unittest.TestCase):
    def test_quick_and_soak_choose_their_sections(self):
        run = script()
        self.assertEqual(run.parse(["--quick"]).section, ["aims", "sweep", "unit"])
        soak = run.parse(["--soak", "30"])
        self.assertEqual((soak.section, soak.soak), (["soak"], 30))

    def test_srtp_times_are_read(self):
        text = ("AES_CM_128_HMAC_SHA1_80, 4000 streams, 1 thread\n"
                "  libcrypto: protect 310 ns (least 300), unprotect 330 ns (least 320)\n"
                "AES_256_CM_HMAC_SHA1_80, 1000 streams, 1 thread\n"
                "  libcrypto: protect 999 ns (least 1), unprotect 999 ns (least 1)\n"
                "AES_CM_128_HMAC_SHA1_80, 1000 streams on each of 2 threads\n"
                "  libcrypto, thread 1: protect 311 ns (least 1), unprotect 331 ns (least 1)\n"
                "  libcrypto, thread 2: protect 312 ns (least 1), unprotect 332 ns (least 1)\n")
        self.assertEqual(script().read_srtp(text), {
            "srtp": {"4000": (310, 330)}, "threads": {"1000": [(311, 331), (312, 332)]}})

    def test_every_job_of_the_aims_is_a_known_candidate(self):
        run = script()
        for key, _ in run.AIMS:
            self.assertIn(key, candidates.BY_KEY)
        for key in run.SWEEP + run.PARTS:
            self.assertIn(key, candidates.BY_KEY)


class Picture(unittest.TestCase):
    def test_it_is_xml_with_a_line_a_candidate_in_each_diagram(self):
        cost = [("a < b", [(100, 10), (500, 40)]), ("c", [(100, 12), (500, 60)])]
        latency = [("a < b", [(100, 0.1), (500, 30)]), ("c", [(100, 0.2), (500, 0.3)])]
        root = XML.fromstring(plot.draw(cost, latency))
        lines = root.findall("{http://www.w3.org/2000/svg}polyline")
        self.assertEqual(len(lines), 4)

    def test_more_cpu_stands_higher(self):
        root = XML.fromstring(plot.draw([("a", [(100, 10), (500, 40)])], [("a", [(100, 1)])]))
        points = root.find("{http://www.w3.org/2000/svg}polyline").get("points").split()
        low, high = (float(point.split(",")[1]) for point in points)
        self.assertLess(high, low)

    def test_marks_are_round_and_reach_the_top(self):
        self.assertEqual(plot.ticks(100, 5), [0, 20, 40, 60, 80, 100])
        self.assertGreaterEqual(plot.ticks(97.3)[-1], 97.3)
        self.assertEqual(plot.decades(0.2, 30), [0.1, 1, 10, 100])

    def test_nothing_is_refused(self):
        with self.assertRaises(ValueError):
            plot.draw([], [])


class Bencode(unittest.TestCase):
    def test_dictionary_of_strings_and_lists(self):
        self.assertEqual(candidates.bencode({"b": ["x", "yz"], "a": "1"}), b"d1:a1:11:bl1:x2:yzee")


@unittest.skipUnless(subprocess.run(["which", "make"], capture_output=True).returncode == 0, "no make")
class Bot(unittest.TestCase):
    """The C bot speaks RFC 6455: its own example key, masks, lengths."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        built = subprocess.run(
            ["make", "--silent", "-C", str(TOOLS / "bench" / "floor"), f"OUT={cls.folder.name}"],
            capture_output=True, text=True)
        if built.returncode != 0:
            cls.folder.cleanup()
            raise unittest.SkipTest("the C floor does not build here: " + built.stderr[-200:])
        cls.bot = subprocess.Popen(
            [cls.folder.name + "/mediabot", "--seconds", "60"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        cls.port = int(cls.bot.stdout.readline().split()[2])

    @classmethod
    def tearDownClass(cls):
        cls.bot.stdin.close()
        cls.bot.stdout.close()
        cls.bot.wait(10)
        cls.folder.cleanup()

    def open(self, path):
        link = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Protocol: trunkline.mux.1\r\n\r\n".encode())
        self.addCleanup(link.close)
        head = b""
        while b"\r\n\r\n" not in head:
            head += link.recv(1)
        return link, head

    @staticmethod
    def frame(opcode, payload):
        mask = b"\x11\x22\x33\x44"
        size = (bytes([0x80 | len(payload)]) if len(payload) < 126
                else bytes([0xFE]) + len(payload).to_bytes(2, "big"))
        return bytes([0x80 | opcode]) + size + mask + bytes(
            byte ^ mask[place % 4] for place, byte in enumerate(payload))

    @staticmethod
    def read(link):
        def exactly(count):
            data = b""
            while len(data) < count:
                piece = link.recv(count - len(data))
                if not piece:
                    raise EOFError
                data += piece
            return data
        first, size = exactly(2)
        if size == 126:
            size = int.from_bytes(exactly(2), "big")
        return first & 15, exactly(size)

    def test_handshake_of_the_rfc(self):
        _, head = self.open("/echo")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "))
        self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", head)
        self.assertIn(b"Sec-WebSocket-Protocol: trunkline.mux.1\r\n", head)

    def test_media_comes_back_with_the_same_payload(self):
        link, _ = self.open("/echo")
        payload = b"QUJD" * 60
        text = b'{"event":"media","media":{"track":"inbound","payload":"' + payload + b'"}}'
        whole = self.frame(1, text)
        # In two pieces, and with a message that has no answer before it.
        link.sendall(self.frame(1, b'{"event":"start","start":{}}') + whole[:50])
        threading.Timer(0.05, link.sendall, [whole[50:]]).start()
        self.assertEqual(self.read(link),
                         (1, b'{"event":"media","media":{"payload":"' + payload + b'"}}'))

    def test_sink_answers_pings_only(self):
        link, _ = self.open("/sink")
        link.sendall(self.frame(1, b'{"event":"media","media":{"payload":"QUJD"}}')
                     + self.frame(9, b"hi"))
        self.assertEqual(self.read(link), (10, b"hi"))

    def test_multiplexed_audio_comes_back_and_nothing_else(self):
        def record(kind, flags, leg, timestamp, payload):
            return (bytes([kind, flags]) + len(payload).to_bytes(2, "little")
                    + leg.to_bytes(4, "little") + timestamp.to_bytes(8, "little") + payload)
        link, _ = self.open("/echo")
        link.sendall(self.frame(2, bytes([1, 0, 2, 0]) + record(2, 0, 7, 0, b"{}")
                                + record(1, 0x0D, 7, 160, b"\x01\x02\x03")))
        self.assertEqual(self.read(link), (
            2, bytes([1, 0, 1, 0]) + record(1, 1, 7, 0, b"\x01\x02\x03")))

    def test_what_is_no_upgrade_is_closed(self):
        link = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        self.addCleanup(link.close)
        link.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(link.recv(10), b"")


if __name__ == "__main__":
    unittest.main()
