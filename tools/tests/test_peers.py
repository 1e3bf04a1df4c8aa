"""What tools/peers/rtpengine.py says to rtpengine and makes of SIP messages."""
import pathlib
import subprocess
import sys
import unittest

# The peers are scripts: they find each other in their own folder.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peers"))

import rtpengine  # noqa: E402
from child import finish  # noqa: E402

INVITE = (b"INVITE sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\n"
          b"From: <sip:b@127.0.0.1>;tag=77\r\nTo: <sip:a@127.0.0.1>\r\nCall-ID: one\r\n"
          b"CSeq: 1 INVITE\r\ncontent-length: 5\r\n\r\nv=0\r\n")


class Child(unittest.TestCase):
    def test_asked_to_end_and_made_to(self):
        for program in ("import time; print(1, flush=True); time.sleep(60)",
                        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                        "print(1, flush=True); time.sleep(60)"):
            child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
            child.stdout.readline()
            finish(child, seconds=0.5)
            self.assertLess(child.returncode, 0)
            finish(child)
            child.stdout.close()


class Bencode(unittest.TestCase):
    def test_written_as_the_format_says(self):
        self.assertEqual(
            rtpengine.encode({"foo": 42, "bar": ["spam", -1]}),
            b"d3:barl4:spami-1ee3:fooi42ee")

    def test_read_back(self):
        value = {"result": "ok", "list": [1, "x", {}], "sdp": "v=0\r\n"}
        self.assertEqual(rtpengine.decode(rtpengine.encode(value))[0], value)


class Messages(unittest.TestCase):
    def test_headers_and_tags_are_found_whatever_their_case(self):
        self.assertEqual(rtpengine.header(INVITE, "Call-ID"), "one")
        self.assertEqual(rtpengine.header(INVITE, "Content-Length"), "5")
        self.assertEqual(rtpengine.tag(INVITE, "From"), "77")
        self.assertEqual(rtpengine.tag(INVITE, "To"), "")
        self.assertEqual(rtpengine.body(INVITE), b"v=0\r\n")

    def test_another_body_has_its_length(self):
        changed = rtpengine.with_body(INVITE, b"v=0\r\ns=-\r\n")
        self.assertTrue(changed.endswith(b"Content-Length: 10\r\n\r\nv=0\r\ns=-\r\n"))


if __name__ == "__main__":
    unittest.main()
