"""The scorers of tools/eval against a corpus scored by hand, and `trunkline detect` in batches and
as a page."""

import json
import math
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
from base64 import b64decode

TOOLS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TOOLS.parent
sys.path.insert(0, str(TOOLS))
from callees import g711, pcap, sound  # noqa: E402
from eval import score  # noqa: E402

CORPUS = ROOT / "Fixtures" / "corpus"
PROGRAM = pathlib.Path(os.environ.get("TRUNKLINE", ROOT / ".build" / "debug" / "trunkline"))


def rows():
    return [json.loads(line) for line in (CORPUS / "truth.jsonl").read_text().splitlines()]


class BeepScores(unittest.TestCase):
    def setUp(self):
        decisions = {}
        for line in (CORPUS / "decisions.txt").read_text().splitlines():
            name, time = line.split()
            decisions.setdefault(name, []).append(float(time))
        self.found = score.Beeps(rows(), decisions)

    def test_recall_counts_a_beep_once_and_a_late_report_not(self):
        self.assertEqual((self.found.found["all"], self.found.total["all"]), (1, 2))
        self.assertEqual(self.found.recall("kind single"), 1.0)
        self.assertEqual(self.found.recall("kind short"), 0.0)
        self.assertEqual(self.found.recall("level low"), 0.0)

    def test_false_alarms_leave_out_what_sounds_like_a_beep(self):
        self.assertEqual(self.found.false["all"], 4)
        self.assertAlmostEqual(self.found.false_per_hour(), 144.0)
        self.assertEqual(self.found.false["neg:sung"], 1)
        self.assertEqual(self.found.false["neg:progress"], 1)
        self.assertNotIn("f", [row["id"] for row, _ in self.found.wrong])

    def test_delay_is_that_of_the_first_report(self):
        self.assertAlmostEqual(self.found.after_start[0], -0.01)
        self.assertAlmostEqual(self.found.after_end[0], -0.41)


class InformationScores(unittest.TestCase):
    def test_each_set_of_tones_is_right_silent_wrong_or_missed(self):
        def tones(at, variant):
            return [
                dict(type="tone", name="sit", variant=variant, start=at + 0.3 * k, end=at + 0.3 * k + 0.3)
                for k in range(3)
            ]

        row = dict(
            id="a",
            events=tones(1, "vacant") + tones(5, "itu") + tones(9, "reorder") + tones(13, "itu")
            + tones(17, "no-circuit"),
        )
        said = {"a": [(1.02, "vacant_code"), (5.0, None), (9.0, None), (13.0, "intercept")]}
        self.assertEqual(
            score.information([row, dict(id="b", events=[])], said),
            dict(total=5, found=4, right=2, silent=1, wrong=1),
        )


class VerdictScores(unittest.TestCase):
    def test_sides_and_delays(self):
        sides = score.Verdicts(
            rows(),
            {"a": ("voicemail", 4.0), "b": ("human", 3.9), "c": ("human", 2.6), "d": ("ivr", 3.0)},
        )
        self.assertEqual(sides.share("human"), 0.5)
        self.assertEqual(sides.share("machine"), 0.5)
        self.assertEqual(sides.confusion["human", "ivr"], 1)
        self.assertEqual([round(d, 3) for d in sides.human_delay], [0.6])

    def test_no_verdict_is_wrong(self):
        self.assertEqual(score.Verdicts(rows(), {}).share("human"), 0.0)

    def test_greeting_ends_at_a_gap_of_a_turn_and_not_of_a_breath(self):
        self.assertEqual(score.greeting_end(rows()[2]), 2.0)

    def test_ready_is_the_last_one_before_two_seconds_after_the_beep(self):
        errors = score.ready_errors(rows(), {"a": [4.0, 6.5, 12.0]})
        self.assertAlmostEqual(errors[0], 0.1)
        self.assertIsNone(errors[1])


class OtherScores(unittest.TestCase):
    def test_digits_are_a_longest_common_subsequence(self):
        self.assertEqual(score.digits_found("1923", "123"), (3, 1))
        self.assertEqual(score.digits_found("", "12"), (0, 0))
        self.assertEqual(score.digits_found("55", "5"), (1, 1))

    def test_quantiles_are_linear_between_neighbours(self):
        self.assertAlmostEqual(score.quantile([4, 1, 3, 2], 50), 2.5)
        self.assertAlmostEqual(score.quantile([0, 10], 95), 9.5)
        self.assertTrue(math.isnan(score.quantile([], 50)))

    @unittest.skipIf(score.np is None, "numpy is not installed: voice scores are not tested")
    def test_area_counts_ties_half(self):
        np = score.np
        truth = np.array([True, True, False, False])
        self.assertEqual(score.area(np.array([0.9, 0.5, 0.5, 0.1]), truth), 0.875)
        self.assertEqual(score.false_positives(np.array([0.9, 0.5, 0.5, 0.1]), truth), (0.5, 0.5))


def wav(path, samples, rate=8000):
    data = struct.pack(f"<{len(samples)}h", *samples)
    head = (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
        + b"data"
        + struct.pack("<I", len(data))
    )
    path.write_bytes(head + data)


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "no debug build of trunkline: swift build")
class Detecting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = pathlib.Path(cls.folder.name)
        silence = [0] * 4000
        cls.beep = silence + sound.tone([1000], 400, -15) + silence
        for number in range(5):
            wav(cls.home / f"{number}.wav", cls.beep if number % 2 == 0 else silence * 2)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def detect(self, *arguments, given=None):
        done = subprocess.run(
            [PROGRAM, "detect", *map(str, arguments)], capture_output=True, text=True, input=given
        )
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_list_gives_the_same_lines_whatever_the_jobs(self):
        names = "\n".join(str(self.home / f"{n}.wav") for n in range(5)) + "\n"
        one, lines = self.detect("--list", "-", given=names)
        many, _ = self.detect("--list", "-", "--jobs", "4", given=names)
        self.assertEqual(one.returncode, 0, one.stderr)
        self.assertEqual(one.stdout, many.stdout)
        beeps = [line["file"] for line in lines if line["event"] == "beep"]
        self.assertEqual(beeps, [str(self.home / f"{n}.wav") for n in (0, 2, 4)])

    def test_a_file_that_is_not_there_is_named_and_the_rest_is_heard(self):
        done, lines = self.detect(self.home / "none.wav", self.home / "0.wav")
        self.assertEqual(done.returncode, 1)
        self.assertIn("none.wav", done.stderr)
        self.assertEqual({line["file"] for line in lines}, {str(self.home / "0.wav")})

    def test_times_count_from_the_answer(self):
        _, early = self.detect(self.home / "0.wav")
        _, late = self.detect("--answer-at", "200", self.home / "0.wav")
        start = {
            name: next(e["start_ms"] for e in lines if e["event"] == "beep")
            for name, lines in (("early", early), ("late", late))
        }
        self.assertEqual(start["early"] - start["late"], 200)
        self.assertAlmostEqual(start["early"], 500, delta=15)

    def test_cost_is_told_when_asked_for(self):
        _, lines = self.detect("--cost", self.home / "0.wav")
        self.assertEqual(lines[-1]["audio_ms"], 1400)
        self.assertGreater(lines[-1]["cpu_us"], 0)

    def test_events_do_not_depend_on_the_length_of_packets(self):
        octets, seen = g711.encode(self.beep), []
        for milliseconds in (10, 20, 30, 60):
            size, path = 8 * milliseconds, self.home / f"p{milliseconds}.pcap"
            pcap.write(
                path,
                [
                    (
                        first / 8,
                        struct.pack("!BBHII", 0x80, 0, first // size, first, 7)
                        + octets[first : first + size],
                    )
                    for first in range(0, len(octets) // 1920 * 1920, size)
                ],
            )
            _, lines = self.detect("--vad-trace", path)
            seen.append([{k: v for k, v in line.items() if k != "file"} for line in lines])
        self.assertGreater(len(seen[0]), 10)
        for other in seen[1:]:
            self.assertEqual(seen[0], other)

    def test_the_page_holds_the_spectrogram_and_the_events(self):
        page = self.home / "page.html"
        done, _ = self.detect("--plot", page, self.home / "0.wav")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = page.read_text()
        self.assertIn("<td>beep<td>", text)
        width, height, pixels = self.png(b64decode(re.search(r"base64,([^\"]+)", text).group(1)))
        self.assertEqual((width, height), (140, 128))
        # 1000 Hz is row 32 from the bottom; the beep sounds from 0.5 to 0.9 s, a column is 10 ms.
        loud = max(range(height), key=lambda y: pixels[y][70])
        self.assertEqual(height - 1 - loud, 32)
        self.assertGreater(pixels[loud][70], 10)
        self.assertEqual(pixels[loud][20], 0)

    def test_the_picture_shows_the_beep_in_its_row(self):
        picture = self.home / "picture.png"
        done, _ = self.detect("--plot", picture, self.home / "0.wav")
        self.assertEqual(done.returncode, 0, done.stderr)
        width, height, pixels = self.png(picture.read_bytes())
        self.assertEqual((width, height), (140, 128 + 40 + 5 * 12 + 8))
        self.assertGreater(pixels[127 - 32][70], 6)
        self.assertEqual(pixels[127 - 32][20], 1)
        # The second row of events holds beeps, in red: from 0.5 to 0.9 s.
        row = pixels[128 + 40 + 12 + 6]
        red = [x for x in range(width) if row[x] == 12]
        self.assertTrue(abs(red[0] - 50) <= 3 and abs(red[-1] - 90) <= 3, red)

    @staticmethod
    def png(data):
        """(width, height, rows of values) of a palette PNG of 4 bits; every checksum is
        verified."""
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        place, packed = 8, b""
        while place < len(data):
            length = struct.unpack("!I", data[place : place + 4])[0]
            name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
            assert (
                zlib.crc32(name + body)
                == struct.unpack("!I", data[place + 8 + length : place + 12 + length])[0]
            ), name
            if name == b"IHDR":
                width, height = struct.unpack("!II", body[:8])
            if name == b"IDAT":
                packed += body
            place += 12 + length
        flat, stride = zlib.decompress(packed), 1 + (width + 1) // 2
        lines = [flat[y * stride + 1 : (y + 1) * stride] for y in range(height)]
        return (
            width,
            height,
            [[(line[x // 2] >> (0 if x % 2 else 4)) & 15 for x in range(width)] for line in lines],
        )

    def test_refuses_what_it_cannot_do_with_a_remedy(self):
        for arguments, word in (
            (["--plot", "x.gif", "a.wav"], ".html"),
            (["--jobs", "0", "a.wav"], "--jobs"),
            ([], "--list"),
        ):
            done, _ = self.detect(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
