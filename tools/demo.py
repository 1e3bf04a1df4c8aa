#!/usr/bin/env python3
"""Runs one campaign of eight contacts against callees on loopback and shows what happens.

tools/demo builds the server and calls this. The trunk is SIPp playing recorded callees (or
tools/callee.py where SIPp cannot run), the bot is tools/demo-bot.py, the server is
`trunkline serve` with a database and recordings in a new folder under var/demo/.
"""

import argparse
import importlib.util
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from callees import trunk as trunks  # noqa: E402
from demonstration.api import API, APIError  # noqa: E402
from demonstration.contacts import (  # noqa: E402
    CONTACTS, LISTED, contacts_csv, do_not_call_list, endings_of)
from demonstration.processes import Processes, StartError, free_port  # noqa: E402
from demonstration.screen import Screen, result_table  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
# TRUNKLINE_BUILD=debug runs the demo on the binary of the tests.
BUILT = ROOT / ".build" / os.environ.get("TRUNKLINE_BUILD", "release")
CALLER_ID = "+12125550100"
# The gate's clock in the demo: a Wednesday, 1 p.m. in New York and 10 a.m. in Los Angeles, so that
# the demo shows the same at any hour. `trunkline serve` takes such a clock only while its trunk is
# on loopback, and names it in every decision.
GATE_CLOCK = "2026-06-17T17:00:00Z"
LIST_DATE = "2026-06-15T00:00:00Z"
# Of the trunk; below the ephemeral ports, for SIPp does not bind the media ports it names.
MEDIA_PORT = 12000
LONGEST_SECONDS = 120


def server_config(folder, audio, trunk_port):
    """The server's YAML file: everything that is not a default."""
    return f"""\
trunk:
  address: "127.0.0.1:{trunk_port}"
audio_directories:
  - "{audio}"
compliance:
  federal_list: "{folder / 'federal-do-not-call.txt'}"
  federal_list_as_of: "{LIST_DATE}"
  state_list_waiver: "demonstration: no call leaves this machine"
  demonstration_clock: "{GATE_CLOCK}"
"""


def campaign_settings(audio, bot_port):
    """The body of POST /v1/campaigns."""
    return {
        "name": "demo",
        "caller_id": CALLER_ID,
        "purpose": "informational",
        "calls_per_minute": 60,
        "max_concurrent_calls": 10,
        "max_attempts": 1,
        "ring_timeout_seconds": 8,
        "max_call_seconds": 60,
        "stream_url": f"ws://127.0.0.1:{bot_port}/",
        "voicemail_path": str(audio / "message.wav"),
        "record": True,
    }


def make_audio():
    """The callees' audio; made once, kept until its maker changes."""
    audio = ROOT / "var" / "callees"
    maker = ROOT / "tools" / "make-callee-audio.py"
    made = audio / "truth.json"
    newest = max(path.stat().st_mtime for path in [maker, *maker.parent.glob("callees/*.py")])
    if not made.exists() or made.stat().st_mtime < newest:
        Processes.run([sys.executable, str(maker), str(audio)])
    return audio


def start_everything(processes, folder, audio, screen):
    """Starts trunk, bot and server; returns the server's API and the bot's port."""
    trunk_port, sip_port = free_port(5070, udp=True), free_port(5060, udp=True)
    http_port, bot_port = free_port(8080), free_port(8765)
    refusal = trunks.sipp_refusal()
    if refusal is None:
        command = trunks.sipp_command(trunk_port, MEDIA_PORT, audio, folder / "trunk.log")
        processes.start("trunk (SIPp)", command, folder / "sipp.out", cwd=audio)
    else:
        screen.line(f"SIPp is not used: {refusal}; tools/callee.py is the trunk instead")
        command = trunks.callee_command(trunk_port, MEDIA_PORT, audio, folder / "heard")
        processes.start("trunk (callee.py)", command, folder / "trunk.out")
    # Debian's python3-websockets is for Debian's python3.
    python = sys.executable if importlib.util.find_spec("websockets") else "/usr/bin/python3"
    bot = [python, str(ROOT / "tools" / "demo-bot.py"), "--port", str(bot_port), "--say",
           str(audio / "bot.wav"), "--save", str(folder / "bot-heard.wav"), "--log",
           str(folder / "bot.jsonl")]
    processes.start("bot", bot, folder / "bot.out")
    (folder / "federal-do-not-call.txt").write_text(do_not_call_list())
    (folder / "trunkline.yaml").write_text(server_config(folder, audio, trunk_port))
    server = [str(BUILT / "trunkline"), "serve", "--config",
              str(folder / "trunkline.yaml"), "--http", f"127.0.0.1:{http_port}", "--sip",
              f"127.0.0.1:{sip_port}", "--data", str(folder)]
    processes.start("server", server, folder / "server.log")
    api = API(f"http://127.0.0.1:{http_port}")
    screen.line(f"server  {api.base}  log {screen.path(folder / 'server.log')}")
    processes.wait_until(api.healthy, 20, "the server did not become healthy")
    return api, bot_port


def run_campaign(api, audio, bot_port, processes, screen):
    """Creates, fills, starts and follows a campaign; returns its records."""
    campaign = api.post("/v1/campaigns", campaign_settings(audio, bot_port))["campaign_id"]
    report = api.post(f"/v1/campaigns/{campaign}/contacts", contacts_csv(), "text/csv")
    for error in report["errors"]:
        screen.line(f"contact list, line {error['line']}: {error['message']}")
    screen.line(f"campaign {campaign}: {report['imported']} contacts\n")
    api.follow(f"/v1/events?campaign_id={campaign}", screen.event)
    api.post(f"/v1/campaigns/{campaign}/start")
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        state = api.get(f"/v1/campaigns/{campaign}")
        contacts = state["contacts"]
        over = contacts["completed"] + contacts["blocked"] + contacts["exhausted"]
        screen.progress(over, sum(contacts.values()), contacts["in_progress"])
        if over == sum(contacts.values()) or state["status"] == "paused":
            break
        processes.check()
        if time.monotonic() > deadline:
            screen.line(f"not finished after {LONGEST_SECONDS} s")
            break
        time.sleep(0.25)
    time.sleep(0.3)  # The last events of the feed.
    return api.get(f"/v1/campaigns/{campaign}/records")["records"]


def dialled_endings(folder):
    """The last two digits of each number that the trunk was asked for, from its own log."""
    for name, pattern in [
        ("trunk.log", r" INVITE \S*(\d\d) "), ("trunk.out", r"call \d+, …(\d\d)"),
    ]:
        if (folder / name).exists():
            return re.findall(pattern, (folder / name).read_text())
    return []


def conclude(api, records, folder, screen):
    """Prints the results; True when every contact ended as it should and nobody was wronged."""
    unexpected = result_table(records, CONTACTS, screen)
    presser = CONTACTS[1].number
    listed = api.post("/v1/dnc/internal/check", {"number": presser})["listed"]
    screen.line(f"…{presser[-2:]} pressed 9: {'is' if listed else 'IS NOT'} on the internal "
                "do-not-call list")
    dialled = dialled_endings(folder)
    wronged = LISTED.number[-2:] in dialled
    screen.line(f"…{LISTED.number[-2:]} is on the federal list: the trunk saw {len(dialled)} "
                f"calls, {'ONE OF THEM' if wronged else 'none'} to that number")
    (folder / "metrics.txt").write_text(api.text("/metrics"))
    screen.line(f"recordings  {screen.path(folder / 'recordings')}")
    screen.line(f"metrics     {api.base}/metrics, a copy in {screen.path(folder / 'metrics.txt')}")
    return not unexpected and listed and not wronged and len(dialled) == len(CONTACTS) - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exit", action="store_true",
                        help="end after the campaign; else, on a terminal, the server runs on")
    options = parser.parse_args()
    folder = ROOT / "var" / "demo" / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    screen = Screen(ROOT)
    stays = sys.stdout.isatty() and not options.exit
    with Processes() as processes:
        try:
            audio = make_audio()
            api, bot_port = start_everything(processes, folder, audio, screen)
            screen.names = endings_of(api)
            records = run_campaign(api, audio, bot_port, processes, screen)
            good = conclude(api, records, folder, screen)
            if stays:
                screen.line("the server runs on; Ctrl-C ends everything")
                processes.wait()
            return 0 if good else 1
        except KeyboardInterrupt:
            screen.no_progress()
            screen.line("ended")
            return 130
        except (APIError, StartError) as error:
            screen.no_progress()
            screen.line(f"demo: {error}")
            screen.line(f"logs in {screen.path(folder)}")
            return 1


if __name__ == "__main__":
    sys.exit(main())
