"""What the demo shows: a line an event, a progress line below them, the table at the end."""

import datetime
import shutil
import sys
import threading
import time

BAR = 24


def seconds(text):
    """Seconds since the epoch of an RFC 3339 time."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def describe(event):
    """(name, detail) of an event, in words for the timeline; None for what would only fill it."""
    name = event["event"]
    words = name.replace("_", " ")
    if name in ("speech_start", "speech_end", "greeting_end", "ready_for_message"):
        return words, f"at {event['t_ms'] / 1000:.2f} s of the call"
    if name == "beep":
        return words, (f"{event['start_ms'] / 1000:.2f}–{event['end_ms'] / 1000:.2f} s, "
                       f"{event['frequency_hz']:.0f} Hz, {event['level_dbm0']:.0f} dBm0")
    if name == "tone":
        which = f" {event['information']}" if "information" in event else ""
        return words, f"{event['kind']}{which} at {event['t_ms'] / 1000:.2f} s"
    if name == "verdict":
        if not event["final"]:
            return None
        return words, f"{event['verdict']} ({event['confidence']:.2f}, {event['reason']})"
    if name == "dtmf":
        return words, f"{event['digit']} ({event['source']})"
    if name == "gate_blocked":
        return words, ", ".join(event["reasons"])
    if name == "recording_finished":
        return words, event["path"].rpartition("/")[2]
    detail = next((str(event[key]) for key in ("reason", "source", "name") if key in event), "")
    return words, detail


class Screen:
    """Lines from any thread; on a terminal, a progress line stays below them."""

    def __init__(self, root):
        self.root = root
        self.terminal = sys.stdout.isatty()
        self.lock = threading.Lock()
        self.names = lambda event: "??"
        self.zero = None
        self.started = time.monotonic()
        self.bar = ""
        self.shown = None

    def path(self, path):
        """A path as seen from the repository."""
        return str(path.relative_to(self.root)) if self.root in path.parents else str(path)

    def line(self, text):
        with self.lock:
            self._print(text)

    def _print(self, text):
        if self.terminal and self.bar:
            sys.stdout.write("\r\033[K")
        sys.stdout.write(text + "\n" + (self.bar if self.terminal else ""))
        sys.stdout.flush()

    def event(self, event):
        words = describe(event)
        if words is None:
            return
        ending = self.names(event)
        at = seconds(event["at"])
        with self.lock:
            if self.zero is None:
                self.zero = at
            self._print(f"{at - self.zero:7.2f} s  …{ending}  {words[0]:<19} {words[1]}".rstrip())

    def progress(self, over, total, live):
        """`over` of `total` contacts are done, `live` calls are on."""
        filled = BAR * over // max(total, 1)
        bar = f"[{'#' * filled}{'.' * (BAR - filled)}] {over} of {total} contacts, {live} live"
        with self.lock:
            if self.terminal:
                elapsed = time.monotonic() - self.started
                self.bar = f"{bar}, {elapsed:.0f} s" if over < total else ""
                sys.stdout.write("\r\033[K" + self.bar)
                sys.stdout.flush()
            elif self.shown != over:
                self.shown = over
                self._print(f"           {bar}")

    def no_progress(self):
        """Takes the progress line away."""
        with self.lock:
            if self.terminal and self.bar:
                sys.stdout.write("\r\033[K")
            self.bar = ""


def beep_to_message(record):
    """Milliseconds from the beep's end to the message, as the record's own events tell; or ''."""
    events = {event["event"]: event for event in record["events"]}
    if not {"answered", "beep", "voicemail_started"} <= events.keys():
        return ""
    answered = seconds(events["answered"]["at"])
    message = (seconds(events["voicemail_started"]["at"]) - answered) * 1000
    return f"{message - events['beep']['end_ms']:+.0f} ms"


def result_table(records, contacts, screen):
    """Prints a row for each contact; returns those that ended otherwise than they should."""
    last, attempts = {}, {}
    for record in records:
        ending = record.get("number", "")[-2:]
        attempts[ending] = max(attempts.get(ending, 0), record["attempt"])
        if ending not in last or record["attempt"] >= last[ending]["attempt"]:
            last[ending] = record
    rows = [("contact", "who", "attempts", "disposition", "verdict", "outcome", "beep→message",
             "recording", "")]
    unexpected = []
    for contact in contacts:
        ending = contact.number[-2:]
        record = last.get(ending)
        good = record is not None and record["disposition"] in contact.expected
        if not good:
            unexpected.append(contact)
        if record is None:
            rows.append((f"…{ending}", contact.who, "0", "no record") + ("",) * 4 + ("✘",))
            continue
        rows.append((
            f"…{ending}", contact.who, str(attempts[ending]), record["disposition"],
            record.get("verdict", ""), record["outcome"], beep_to_message(record),
            record.get("recording", "").rpartition("/")[2], "✔" if good else "✘"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    wide = sum(widths) + 2 * len(widths)
    if screen.terminal and wide > shutil.get_terminal_size().columns:
        # The recordings' names are the longest and the least missed.
        rows = [row[:7] + row[8:] for row in rows]
        widths = widths[:7] + widths[8:]
    screen.line("")
    for row in rows:
        screen.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    screen.line("")
    return unexpected
