"""Both trunks, SIPp's and callee.py, called by an independent caller on loopback."""

import asyncio
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOOLS))
sys.path.insert(0, str(TOOLS / "tests"))
from caller import Caller  # noqa: E402
from callees import g711, rtp, sip, sound, trunk  # noqa: E402

# Below the ephemeral ports, and outside the range that trunkline serves media on: SIPp does not
# bind the media ports it names, so nothing else may be given one of them.
SIPP_PORT, SIPP_MEDIA = 15290, 12000
CALLEE_PORT, CALLEE_MEDIA = 15270, 16000
NUMBER = "+121255501"


class Parsing(unittest.TestCase):
    def test_folded_and_compact_headers(self):
        message = sip.Message.parse(
            b"BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;\r\n branch=z9hG4bKx\r\n"
            b"CSeq: 7 BYE\r\n\r\n")
        self.assertEqual((message.method, message.branch), ("BYE", "z9hG4bKx"))
        self.assertEqual(message.sequence, (7, "BYE"))

    def test_every_truncation_is_refused_or_parsed_but_never_another_error(self):
        whole = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z\r\nCSeq: 1 OPTIONS\r\n\r\n"
        for length in range(len(whole)):
            try:
                sip.Message.parse(whole[:length])
            except (ValueError, IndexError):
                pass

    def test_rtp_with_csrc_extension_and_padding(self):
        packet = bytes.fromhex("b1800001000000a0deadbeef") + bytes(4)
        packet += bytes.fromhex("bede000111223344") + b"payload" + bytes([0, 2])
        self.assertEqual(rtp.parse(packet), (0, True, 1, 160, 0xDEADBEEF, b"payload"))
        for length in range(len(packet)):
            rtp.parse(packet[:length])

    def test_scenario_and_table_name_the_same_callees(self):
        table = json.loads(trunk.TABLE.read_text())
        endings = re.findall(r"> \]\*(\d\d)\[@;\]", trunk.SCENARIO.read_text())
        self.assertEqual(sorted(endings), sorted(table))


class Trunks(unittest.TestCase):
    """One round of calls to each trunk, all at once; the tests read the results."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        base = pathlib.Path(cls.folder.name)
        audio = base / "audio"
        subprocess.run([sys.executable, str(TOOLS / "make-callee-audio.py"), str(audio)],
                       check=True, stdout=subprocess.DEVNULL)
        cls.truth = json.loads((audio / "truth.json").read_text())
        cls.heard = base / "heard"
        cls.processes = {"callee": subprocess.Popen(
            trunk.callee_command(CALLEE_PORT, CALLEE_MEDIA, audio, cls.heard),
            stdout=subprocess.DEVNULL)}
        if trunk.sipp_refusal() is None:
            command = trunk.sipp_command(SIPP_PORT, SIPP_MEDIA, audio)
            cls.processes["sipp"] = subprocess.Popen(
                command, cwd=audio, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.calls = asyncio.run(cls.place_calls())
        cls.processes["callee"].send_signal(signal.SIGTERM)
        if "sipp" in cls.processes:
            cls.processes["sipp"].send_signal(signal.SIGUSR1)
        cls.codes = {name: process.wait(15) for name, process in cls.processes.items()}

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes.values():
            if process.poll() is None:
                process.kill()
        cls.folder.cleanup()

    @classmethod
    async def place_calls(cls):
        ports = {"callee": CALLEE_PORT, "sipp": SIPP_PORT}
        callers = {}
        for name in cls.processes:
            await cls.until_it_answers(ports[name])
            for ending, hold, cancel in [
                ("01", 8.4, None), ("02", 7.5, None), ("03", 1, None), ("04", 1, 1.5),
                ("05", 2.5, None), ("06", 1.5, None), ("07", 9, None), ("08", 1, None),
                ("10", 1, None), ("11", 1, None), ("99", 1, None),
            ]:
                callers[name, ending] = Caller(NUMBER + ending, ports[name], hold, cancel)
            callers[name, "09"] = Caller(NUMBER + "09", ports[name], 2.5, ack_after=1.7)
        await asyncio.gather(*(caller.call() for caller in callers.values()))
        return callers

    @staticmethod
    async def until_it_answers(port):
        for _ in range(50):
            if await Caller(NUMBER + "00", port, 0).options(0.2):
                return
        raise AssertionError(f"nothing answers OPTIONS on port {port}")

    def each(self, ending):
        """The call to that callee of each trunk that runs."""
        return [self.calls[name, ending] for name in self.processes]

    def statuses(self, call):
        return [int(step[1:4]) for _, step in call.steps
                if re.fullmatch(r"<[2-6]\d\d INVITE", step)]

    def test_sipp_counts_every_call_as_successful(self):
        refusal = trunk.sipp_refusal()
        if refusal:
            self.skipTest(refusal)
        self.assertEqual(self.codes["sipp"], 0)

    def test_refusals_have_their_status(self):
        for ending, status in [("03", 486), ("11", 603), ("99", 404)]:
            for call in self.each(ending):
                self.assertEqual(self.statuses(call), [status])
                self.assertEqual(call.packets, [])

    def test_cancelled_call_ends_with_487_for_the_invite(self):
        for call in self.each("04"):
            self.assertIsNotNone(call.at("<180 INVITE"))
            self.assertIsNotNone(call.at("<200 CANCEL"))
            self.assertEqual(self.statuses(call), [487])

    def test_voicemail_beep_is_heard_at_its_time(self):
        beep = self.truth["voicemail"]["beep"]
        for call in self.each("01"):
            self.assertEqual(self.statuses(call), [200])
            start = call.packets[0][0]
            tone = [
                time - start for time, kind, _, _, payload in call.packets
                if kind == rtp.PCMU and time - start > 7.2
                and sound.power_at(g711.decode(payload), 700) > sound.RMS_0_DBM0 / 50
            ]
            self.assertAlmostEqual(tone[0] * 1000, beep["start_ms"], delta=150)
            self.assertAlmostEqual(tone[-1] * 1000, beep["end_ms"], delta=150)

    def test_rtp_arrives_whole_and_in_time(self):
        for ending in ("01", "02", "05", "06"):
            for call in self.each(ending):
                sequences = [packet[2] for packet in call.packets]
                body = sequences[:sequences.index(max(sequences)) + 1]
                self.assertEqual(body, list(range(1000, 1000 + len(body))), call.user)
                seconds = (call.at("BYE") or call.at("<BYE")) - call.packets[0][0]
                self.assertAlmostEqual(len(body), seconds * 50, delta=10)

    def test_person_presses_nine_by_rfc_4733(self):
        for call in self.each("02"):
            events = [packet for packet in call.packets if packet[1] == rtp.TELEPHONE_EVENT]
            self.assertEqual(len(events), 10)
            self.assertEqual({packet[4][0] for packet in events}, {9})
            self.assertAlmostEqual(events[0][0] - call.packets[0][0], 7.0, delta=0.1)

    def test_200_is_repeated_until_it_is_acknowledged(self):
        for call in self.each("09"):
            times = [time for time, step in call.steps if step == "<200 INVITE"]
            self.assertEqual(len(times), 3)
            self.assertAlmostEqual(times[1] - times[0], 0.5, delta=0.2)
            self.assertAlmostEqual(times[2] - times[0], 1.5, delta=0.2)
            self.assertGreater(call.packets[0][0], call.at("ACK"))

    def test_callee_that_hangs_up_sends_bye(self):
        for call in self.each("07"):
            self.assertIsNone(call.at("BYE"))
            self.assertAlmostEqual(call.at("<BYE") - call.at("<200 INVITE"), 5.0, delta=0.3)

    def test_early_media_is_ringback_before_the_answer(self):
        for call in self.each("10"):
            self.assertIsNotNone(call.at("<183 INVITE"))
            early = [packet for packet in call.packets if packet[0] < call.at("<200 INVITE")]
            self.assertGreater(len(early), 150)
            samples = [s for packet in early[20:80] for s in g711.decode(packet[4])]
            share = (sound.power_at(samples, 440) ** 2 + sound.power_at(samples, 480) ** 2)
            self.assertGreater(share / sound.rms(samples) ** 2, 0.95)

    def test_callee_writes_down_what_it_heard(self):
        path, = self.heard.glob("*-0101.jsonl")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        events = [line["event"] for line in lines]
        self.assertEqual(events[:4], ["ringing", "answered", "ack", "play_start"])
        self.assertEqual(events[-2:], ["bye", "end"])
        received = [line for line in lines if line["event"] == "received"]
        self.assertEqual(len(received), 100)
        # By the clock of a process among others: 1209 ms was met on a busy machine.
        self.assertAlmostEqual(received[0]["t_ms"], 1000, delta=500)
        self.assertAlmostEqual(received[50]["level_dbm0"], -10, delta=0.2)
        heard = sound.read_wav(path.with_suffix(".wav"))
        first, last = sound.active_span(heard)
        self.assertAlmostEqual((last - first) / sound.RATE, 2.0, delta=0.03)
        middle = heard[first + 4000:first + 8000]
        self.assertEqual(sound.dominant_frequency(middle), 440)


if __name__ == "__main__":
    unittest.main()
