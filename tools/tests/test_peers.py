"""What tools/peers/rtpengine.py says to rtpengine and makes of SIP messages."""
import unittest

from peers import rtpengine

INVITE = (b"INVITE sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\n"
          b"From: <sip:b@127.0.0.1>;tag=77\r\nTo: <sip:a@127.0.0.1>\r\nCall-ID: one\r\n"
          b"CSeq: 1 INVITE\r\ncontent-length: 5\r\n\r\nv=0\r\n")


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
