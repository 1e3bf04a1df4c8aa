"""What the demo shows, from events and records written out here."""

import io
import json
import pathlib
import sys
import unittest
from contextlib import redirect_stdout

TOOLS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOOLS))
from callees import trunk  # noqa: E402
from demonstration import contacts, screen  # noqa: E402


def event(name, at, **facts):
    return {"event": name, "call_id": "c1", "contact_id": "ct1",
            "at": f"2026-06-17T17:00:{at:06.3f}Z", **facts}


VOICEMAIL = {
    "number": "…01", "attempt": 1, "disposition": "voicemail_left", "verdict": "voicemail",
    "outcome": "voicemail_left", "recording": "/data/recordings/call-1.wav",
    "events": [event("answered", 2), event("beep", 9.9, start_ms=7430, end_ms=7855,
                                           frequency_hz=700.0, level_dbm0=-12.6),
               event("voicemail_started", 10.005)],
}


class Showing(unittest.TestCase):
    def setUp(self):
        self.out = io.StringIO()

    def shown(self, work):
        with redirect_stdout(self.out):
            display = screen.Screen(TOOLS)
            result = work(display)
        return result, self.out.getvalue()

    def test_timeline_counts_from_the_first_event(self):
        def work(display):
            display.names = lambda _: "01"
            display.event(event("dialing", 1.5))
            display.event(event("verdict", 3, verdict="human", final=False, confidence=0.4,
                                reason="word"))
            display.event(event("dtmf", 4.25, digit="9", source="rfc4733"))
        _, text = self.shown(work)
        self.assertEqual(text, "   0.00 s  …01  dialing\n"
                               "   2.75 s  …01  dtmf                9 (rfc4733)\n")

    def test_tones_say_which_where_they_do(self):
        busy = event("tone", 1, kind="busy", t_ms=200)
        which = event("tone", 1, kind="sit", t_ms=200, information="vacant_code")
        ready = event("ready_for_message", 1, t_ms=7900)
        self.assertEqual(screen.describe(busy), ("tone", "busy at 0.20 s"))
        self.assertEqual(screen.describe(which), ("tone", "sit vacant_code at 0.20 s"))
        self.assertEqual(
            screen.describe(ready), ("ready for message", "at 7.90 s of the call"))

    def test_message_is_measured_from_the_end_of_the_beep(self):
        self.assertEqual(screen.beep_to_message(VOICEMAIL), "+150 ms")
        self.assertEqual(screen.beep_to_message({"events": []}), "")

    def test_table_marks_what_ended_otherwise_than_it_should(self):
        listed = contacts.CONTACTS[:2]
        wrong = dict(VOICEMAIL, number="…02")
        unexpected, text = self.shown(
            lambda display: screen.result_table([VOICEMAIL, wrong], listed, display))
        self.assertEqual(unexpected, [listed[1]])
        rows = [line.split() for line in text.splitlines() if line.startswith("…")]
        self.assertEqual([row[-1] for row in rows], ["✔", "✘"])
        self.assertIn("+150", rows[0])

    def test_table_shows_a_contact_without_a_record(self):
        unexpected, text = self.shown(
            lambda display: screen.result_table([], contacts.CONTACTS, display))
        self.assertEqual(len(unexpected), len(contacts.CONTACTS))
        self.assertEqual(text.count("no record"), len(contacts.CONTACTS))


class Contacts(unittest.TestCase):
    def test_numbers_are_fictitious_and_have_a_callee(self):
        table = json.loads(trunk.TABLE.read_text())
        endings = []
        for contact in contacts.CONTACTS:
            self.assertRegex(contact.number, r"^\+1[2-9]\d\d55501\d\d$")
            endings.append(contact.number[-2:])
        self.assertEqual(len(set(endings)), len(endings))
        self.assertEqual([e for e in endings if e not in table], [contacts.LISTED.number[-2:]])

    def test_list_and_csv(self):
        self.assertEqual(contacts.do_not_call_list(), "206,5550199\n")
        lines = contacts.contacts_csv().splitlines()
        self.assertEqual(len(lines), 1 + len(contacts.CONTACTS))
        self.assertEqual(
            lines[1], "+12125550101,Contact 01,NY,written,2026-05-04T09:00:00Z")

    def test_event_shows_the_last_two_digits_of_its_call(self):
        asked = []

        class Stub:
            def get(self, path):
                asked.append(path)
                return {"number": "…07"}

        ending = contacts.endings_of(Stub())
        self.assertEqual([ending(event("dialing", 1)), ending(event("ended", 2))], ["07", "07"])
        self.assertEqual(asked, ["/v1/calls/c1"])


if __name__ == "__main__":
    unittest.main()
