"""How the trunk of the demo and of the peer tests is started: SIPp, or callee.py in its place."""

import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCENARIO = ROOT / "Fixtures" / "sipp" / "trunk.xml"
TABLE = ROOT / "Fixtures" / "sipp" / "callees.json"


def sipp_refusal():
    """Why SIPp cannot be the trunk here; None when it can."""
    if shutil.which("sipp") is None:
        return "sipp is not installed (Debian package sip-tester; tools/setup installs it)"
    if os.geteuid() != 0:
        return "SIPp plays pcap audio through a raw socket, which needs root"
    return None


def sipp_command(port, media_port, audio, log=None):
    """The command of the SIPp trunk; run it with the audio folder as the working folder.

    The scenario is copied there, beside its pcaps, where SIPp looks first. `log` gets a line for
    each INVITE, ACK, CANCEL, BYE; SIGUSR1 lets running calls end, then SIPp exits with 0 when
    every call went as the scenario says, 1 otherwise.
    """
    scenario = pathlib.Path(audio) / SCENARIO.name
    shutil.copyfile(SCENARIO, scenario)
    command = [
        "sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1",
        "-mp", str(media_port), "-nostdin",
    ]
    if log:
        command += ["-trace_logs", "-log_file", str(log), "-trace_err", "-error_file",
                    str(pathlib.Path(log).with_suffix(".errors"))]
    return command


def callee_command(port, media_port, audio, record=None):
    """The command of the measuring trunk, tools/callee.py."""
    command = [
        sys.executable, str(ROOT / "tools" / "callee.py"), "--port", str(port),
        "--media-port-base", str(media_port), "--audio", str(audio),
    ]
    return command + (["--record", str(record)] if record else [])
