"""The callees' audio against its own truth: what truth.json says is measured again in the pcap."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOOLS))
from callees import g711, pcap, rtp, sound  # noqa: E402


class G711(unittest.TestCase):
    def test_known_octets(self):
        # ITU-T G.711 table 2a: the ends, the middle, and one value of each kind between.
        for sample, octet in [(0, 0xFF), (-3, 0x7F), (32124, 0x80), (-32124, 0x00), (8, 0xFE),
                              (1000, 0xCE), (-1000, 0x4E), (32767, 0x80), (-32768, 0x00)]:
            self.assertEqual(g711.encode([sample])[0], octet, sample)

    def test_every_octet_survives_decoding_and_encoding(self):
        for octet in range(256):
            expected = 0xFF if octet == 0x7F else octet  # Two zeros, one of them sent.
            self.assertEqual(g711.encode(g711.decode(bytes([octet])))[0], expected)


class Level(unittest.TestCase):
    def test_full_scale_sine_is_3_14_dbm0(self):
        sine = sound.tone([1000], 1000, 3.14)
        self.assertAlmostEqual(max(sine), 32767, delta=2)
        self.assertAlmostEqual(sound.level_dbm0(sine), 3.14, delta=0.01)

    def test_dominant_frequency_of_a_tone(self):
        self.assertEqual(sound.dominant_frequency(sound.tone([1370], 200, -20)), 1370)


class CalleeAudio(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.folder.name)
        cls.make(cls.out / "a")
        cls.truth = json.loads((cls.out / "a" / "truth.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @staticmethod
    def make(out):
        subprocess.run(
            [sys.executable, str(TOOLS / "make-callee-audio.py"), str(out)], check=True,
            stdout=subprocess.DEVNULL)

    def packets(self, name):
        """[(milliseconds, payload type, marker, sequence, timestamp, payload)] of a pcap."""
        rows = []
        for milliseconds, data in pcap.read(self.out / "a" / f"{name}.pcap"):
            kind, marker, sequence, timestamp, _, payload = rtp.parse(data)
            rows.append((milliseconds, kind, marker, sequence, timestamp, payload))
        return rows

    def samples(self, name):
        """The audio of a pcap, placed by its RTP timestamps; quiet where digits are held."""
        rows = [row for row in self.packets(name) if row[1] == rtp.PCMU]
        out = []
        for _, _, _, _, timestamp, payload in rows:
            out += [0] * (timestamp - rows[0][4] - len(out))
            out += g711.decode(payload)
        return out

    def slice(self, samples, start_ms, end_ms):
        return samples[sound.ms(start_ms):sound.ms(end_ms)]

    def test_it_is_deterministic(self):
        self.make(self.out / "b")
        for path in sorted((self.out / "a").iterdir()):
            self.assertEqual(path.read_bytes(), (self.out / "b" / path.name).read_bytes(), path)

    def test_packets_are_20_ms_apart_and_in_sequence(self):
        for name in self.truth:
            rows = self.packets(name)
            self.assertEqual(len(rows), self.truth[name]["packets"])
            self.assertEqual([row[3] for row in rows], list(range(1000, 1000 + len(rows))))
            audio = [row for row in rows if row[1] == rtp.PCMU]
            for milliseconds, _, _, _, timestamp, payload in audio:
                self.assertEqual(len(payload), 160)
                self.assertEqual(timestamp, 16000 + round(milliseconds * 8))
            self.assertEqual([row[2] for row in rows[:2]], [True, False][:len(rows)])

    def test_voicemail_beep_is_where_the_truth_says(self):
        samples = self.samples("voicemail")
        truth = self.truth["voicemail"]
        beep = truth["beep"]
        self.assertEqual(beep["frequency_hz"], 700)
        # Energy at 700 Hz in 10 ms steps: the first and the last step that carry the tone.
        tone = [
            at for at in range(0, len(samples) // 8 - 10, 10)
            if sound.power_at(self.slice(samples, at, at + 10), 700) > sound.RMS_0_DBM0 / 50
            and at > truth["greeting_end_ms"]
        ]
        self.assertAlmostEqual(tone[0], beep["start_ms"], delta=15)
        self.assertAlmostEqual(tone[-1] + 10, beep["end_ms"], delta=20)
        inside = self.slice(samples, beep["start_ms"], beep["end_ms"])
        self.assertAlmostEqual(sound.level_dbm0(inside), beep["level_dbm0"], delta=0.5)

    def test_voicemail_is_quiet_before_and_after_the_beep(self):
        samples = self.samples("voicemail")
        truth = self.truth["voicemail"]
        pause = self.slice(samples, truth["greeting_end_ms"] + 20, truth["beep"]["start_ms"] - 20)
        self.assertGreater(len(pause), sound.ms(500))
        self.assertLess(sound.level_dbm0(pause), -45)
        after = self.slice(samples, truth["beep"]["end_ms"] + 20, truth["duration_ms"])
        self.assertGreater(len(after), sound.ms(12000))
        self.assertLess(sound.level_dbm0(after), -55)

    def test_voicemail_greeting_holds_no_beep_of_its_own(self):
        samples = self.samples("voicemail")
        worst = max(
            sound.power_at(self.slice(samples, at, at + 100), 700)
            / (sound.rms(self.slice(samples, at, at + 100)) + 100)
            for at in range(0, int(self.truth["voicemail"]["greeting_end_ms"]) - 100, 50))
        self.assertLess(worst, 0.8)

    def test_person_says_one_short_word(self):
        samples = self.samples("person-quiet")
        (start, end), = self.truth["person-quiet"]["speech"]
        self.assertLess(end - start, 1200)
        self.assertGreater(sound.level_dbm0(self.slice(samples, start, end)), -25)
        self.assertLess(sound.level_dbm0(self.slice(samples, end + 20, 20000)), -55)

    def test_person_presses_nine_once_with_three_end_packets(self):
        digit, = self.truth["person"]["digits"]
        events = [row for row in self.packets("person") if row[1] == rtp.TELEPHONE_EVENT]
        self.assertEqual(digit["digit"], "9")
        self.assertEqual(events[0][0], digit["at_ms"])
        self.assertEqual([row[2] for row in events], [True] + [False] * (len(events) - 1))
        self.assertEqual({row[4] for row in events}, {16000 + 8 * digit["at_ms"]})
        fields = [struct.unpack("!BBH", row[5]) for row in events]
        self.assertEqual({field[0] for field in fields}, {9})
        self.assertEqual(
            [(flags >> 7, duration) for _, flags, duration in fields],
            [(0, 160 * n) for n in range(1, 8)] + [(1, 1280)] * 3)
        self.assertEqual([row[3] for row in events[-3:]], [row[3] for row in events[-4:-1]][1:]
                         + [events[-2][3] + 1])

    def test_fax_answers_with_2100_hz(self):
        samples = self.samples("fax")
        tone, = self.truth["fax"]["tones"]
        inside = self.slice(samples, tone["start_ms"], tone["end_ms"])
        self.assertEqual(tone["end_ms"] - tone["start_ms"], 3000)
        self.assertGreater(sound.power_at(inside, 2100) / sound.rms(inside), 0.98)

    def test_unavailable_line_begins_with_three_rising_tones(self):
        samples = self.samples("unavailable")
        tones = self.truth["unavailable"]["tones"]
        self.assertEqual([tone["frequency_hz"] for tone in tones], [913.8, 1370.6, 1776.7])
        for tone in tones:
            inside = self.slice(samples, tone["start_ms"], tone["end_ms"])
            found = sound.dominant_frequency(inside)
            self.assertAlmostEqual(found, tone["frequency_hz"], delta=5)


if __name__ == "__main__":
    unittest.main()
