"""Who is called in the demo. The last two digits of a number decide what its callee does
(Fixtures/sipp/callees.json); the numbers are of the range 555-01XX, which is kept for fiction."""

import collections
import time

from .api import APIError

Contact = collections.namedtuple("Contact", "number state who expected")

CONTACTS = [
    Contact("+12125550101", "NY", "voicemail", {"voicemail_left"}),
    Contact("+13125550102", "IL", "person, presses 9", {"opted_out"}),
    Contact("+13035550103", "CO", "busy line", {"busy"}),
    Contact("+16175550104", "MA", "does not answer", {"no_answer"}),
    Contact("+16025550105", "AZ", "fax", {"fax"}),
    Contact("+14155550106", "CA", "not in service", {"invalid_number", "answered_machine"}),
    Contact("+15035550107", "OR", "person, hangs up", {"answered_human"}),
    Contact("+12065550199", "WA", "on the do-not-call list", {"blocked_by_gate"}),
]
LISTED = CONTACTS[-1]


def contacts_csv():
    """The contact list as it is imported."""
    lines = ["phone_number,name,state,consent,consent_at"]
    lines += [
        f"{contact.number},Contact {contact.number[-2:]},{contact.state},written,"
        "2026-05-04T09:00:00Z" for contact in CONTACTS
    ]
    return "\n".join(lines) + "\n"


def do_not_call_list():
    """A national list that holds one number, in the registry's flat form."""
    return f"{LISTED.number[2:5]},{LISTED.number[5:]}\n"


def endings_of(api):
    """A function from an event to the last two digits of the number called, or `??`.

    Events carry no number; the call does, shortened to its last two digits."""
    known = {}

    def ending(event):
        contact = event.get("contact_id", "")
        for _ in range(20):
            if contact in known:
                break
            try:
                number = api.get(f"/v1/calls/{event['call_id']}").get("number", "")
                known[contact] = number[-2:] or "??"
            except APIError:
                # Between a call's last event and its record there is a moment without either.
                time.sleep(0.05)
        return known.get(contact, "??")

    return ending
