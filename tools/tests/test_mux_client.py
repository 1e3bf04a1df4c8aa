"""The multiplexed stream's Python side: messages written out here, and a connection without a network."""

import asyncio
import importlib.util
import json
import pathlib
import types
import unittest

PATH = pathlib.Path(__file__).resolve().parent.parent / "mux-client.py"
SPEC = importlib.util.spec_from_file_location("mux_client", PATH)
mux = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(mux)

START = json.dumps({"callSid": "call-1", "mediaFormat": {
    "encoding": "audio/x-mulaw", "sampleRate": 8000}}).encode()


class FakeSocket:
    """Messages that come, and those that were sent."""

    def __init__(self, *messages):
        self.messages = messages
        self.sent = []

    async def __aiter__(self):
        for message in self.messages:
            yield message

    async def send(self, message):
        self.sent.append(message)


def talk(socket, answer=lambda connection, leg, record: None):
    async def run():
        connection = mux.Connection(socket)
        heard = []
        async for leg, record in connection:
            heard.append((leg.call if leg else None, record.name))
            answer(connection, leg, record)
        return connection, heard
    return asyncio.run(run())


class Messages(unittest.TestCase):
    RECORD = mux.Record(mux.AUDIO, 0x01020304, b"\xff\x7f", mux.CONCEALED, 160)
    BYTES = bytes.fromhex("01000100" "01100200" "04030201" "a000000000000000" "ff7f")

    def test_a_record_is_written_and_read_as_documented(self):
        self.assertEqual(mux.pack([self.RECORD]), self.BYTES)
        self.assertEqual(mux.unpack(self.BYTES), [self.RECORD])

    def test_a_cut_message_is_refused_wherever_it_is_cut(self):
        for cut in range(len(self.BYTES)):
            with self.assertRaises(mux.Malformed):
                mux.unpack(self.BYTES[:cut])

    def test_another_version_is_refused_and_an_unknown_type_is_not(self):
        with self.assertRaises(mux.Malformed):
            mux.unpack(b"\x02" + self.BYTES[1:])
        strange = mux.Record(99, 5, b"later")
        self.assertEqual(mux.unpack(mux.pack([strange, self.RECORD])), [strange, self.RECORD])
        self.assertEqual(strange.name, "99")


class Connections(unittest.TestCase):
    def test_answers_to_a_message_leave_in_one_message(self):
        records = [mux.Record(mux.HELLO, 0, b"{}"), mux.Record(mux.START, 65537, START)]
        audio = [mux.Record(mux.AUDIO, 65537, b"\x10" * 160, 0, 160 * n) for n in range(2)]
        socket = FakeSocket(mux.pack(records), mux.pack(audio))

        def echo(connection, leg, record):
            if record.type == mux.AUDIO:
                connection.audio(leg, record.payload)
                connection.mark(leg, str(record.timestamp))

        _, heard = talk(socket, echo)
        self.assertEqual(heard, [(None, "hello"), ("call-1", "start"),
                                 ("call-1", "audio"), ("call-1", "audio")])
        self.assertEqual(len(socket.sent), 1)
        self.assertEqual([(r.name, r.leg, r.payload[:3]) for r in mux.unpack(socket.sent[0])], [
            ("audio", 65537, b"\x10" * 3), ("mark", 65537, b"0"),
            ("audio", 65537, b"\x10" * 3), ("mark", 65537, b"160")])

    def test_long_audio_is_cut_into_records_and_messages_within_the_limits(self):
        socket = FakeSocket(mux.pack([mux.Record(mux.START, 1, START)]))
        talk(socket, lambda connection, leg, _: connection.audio(leg, b"\x22" * 1_500_000))
        records = [r for message in socket.sent for r in mux.unpack(message)]
        self.assertEqual(b"".join(r.payload for r in records), b"\x22" * 1_500_000)
        self.assertTrue(all(len(message) < 1 << 20 for message in socket.sent))

    def test_a_jump_of_the_timestamp_is_a_hole(self):
        leg = mux.Leg(mux.Record(mux.START, 1, START, 0, 800))
        self.assertEqual(leg.heard(mux.Record(mux.AUDIO, 1, b"\0" * 160, 0, 800)), 0)
        self.assertEqual(leg.heard(mux.Record(mux.AUDIO, 1, b"\0" * 160, 0, 1280)), 320)
        self.assertEqual((leg.frames, leg.missing), (2, 320))

    def test_a_leg_ends_with_its_last_record(self):
        end = mux.Record(mux.STOP, 1, b'{"reason":"stopped"}', mux.END, 0)
        connection, _ = talk(FakeSocket(mux.pack([mux.Record(mux.START, 1, START), end])))
        self.assertEqual(connection.legs, {})
        with self.assertRaises(mux.Malformed):
            talk(FakeSocket(mux.pack([end])))

    def test_records_of_unknown_types_are_skipped_for_whatever_leg(self):
        strange = [mux.Record(99, leg, b"later", mux.END) for leg in (0, 1, 77)]
        start = mux.Record(mux.START, 1, START)
        digit = mux.Record(mux.DTMF, 1, b"5")
        connection, heard = talk(FakeSocket(mux.pack(strange + [start] + strange + [digit])))
        self.assertEqual(heard, [("call-1", "start"), ("call-1", "dtmf")])
        self.assertEqual(list(connection.legs), [1])
        # A known one for a leg that never started is still a fault.
        with self.assertRaises(mux.Malformed):
            talk(FakeSocket(mux.pack([digit])))

    def test_a_leg_that_comes_back_does_not_hear_its_tone_again(self):
        options = types.SimpleNamespace(tone=440.0, echo=False, record=None)
        demonstration = mux.Demonstration(options)
        demonstration.log = lambda *_, **__: None
        for resumed, records in ((False, 2), (True, 0)):
            connection = mux.Connection(FakeSocket())
            body = json.dumps({**json.loads(START), "resumed": resumed}).encode()
            record = mux.Record(mux.START, 1, body)
            demonstration.handle(connection, mux.Leg(record), record, {}, 1)
            self.assertEqual(len(connection.waiting), records)

    def test_a_tone_has_the_legs_encoding(self):
        leg = mux.Leg(mux.Record(mux.START, 1, START))
        self.assertEqual(len(mux.tone(leg, 440, 0.5)), 4000)
        leg.linear, leg.rate = True, 16000
        self.assertEqual(len(mux.tone(leg, 440, 0.5)), 16000)
        self.assertEqual([mux.mulaw_encode(n) for n in (0, -1, 32767, -32768)],
                         [0xFF, 0x7F, 0x80, 0x00])


if __name__ == "__main__":
    unittest.main()
