#!/usr/bin/env python3
"""A Kamailio on loopback, for a bounded time: registrar, proxy and dispatcher.

    kamailio.py FOLDER --sip-port N [--to HOST:PORT,HOST:PORT] [--password P] [--seconds S]

REGISTER is saved in memory, with --password after a digest challenge (any user, realm 127.0.0.1). An INVITE to a registered user goes there; any other goes to the --to
destinations in turn, and to the next one when one answers 5xx or is silent. UDP and TCP.
Prints {"event": "listening"} when it is ready; ends on SIGTERM.
"""
import argparse
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

from child import finish

CONFIG = """#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
loadmodule "dispatcher.so"
loadmodule "auth.so"
modparam("tm", "fr_timer", 1500)
modparam("usrloc", "db_mode", 0)
modparam("dispatcher", "list_file", "{folder}/dispatcher.list")
modparam("dispatcher", "flags", 2)
modparam("dispatcher", "xavp_dst", "dst")
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (!sanity_check("17895", "7")) {{ exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    sl_send_reply("404", "Not Here");
    exit;
  }}
  t_check_trans();
  if (is_method("REGISTER")) {{
    {challenge}
    if (!save("location")) {{ sl_reply_error(); }}
    exit;
  }}
  record_route();
  if (lookup("location")) {{ t_relay(); exit; }}
  if (!ds_select_dst("1", "4")) {{ sl_send_reply("404", "Not Found"); exit; }}
  t_on_failure("NEXT");
  t_relay();
}}
failure_route[NEXT] {{
  if (t_is_canceled()) {{ exit; }}
  if (t_check_status("5[0-9][0-9]") || (t_branch_timeout() && !t_branch_replied())) {{
    if (ds_next_dst()) {{ t_on_failure("NEXT"); t_relay(); exit; }}
  }}
}}
"""


def modules():
    """Debian's folder of modules, whatever the machine."""
    found = sorted(pathlib.Path("/usr/lib").glob("*/kamailio/modules"))
    if not found:
        sys.exit("kamailio.py: no modules of kamailio: run tools/setup")
    return f"{found[0]}/"


CHALLENGE = """if (!pv_www_authenticate("127.0.0.1", "{password}", "0")) {{
      www_challenge("127.0.0.1", "1");
      exit;
    }}"""


def answers(port):
    """True when an OPTIONS to us comes back with anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        probe.bind(("127.0.0.1", 0))
        own = probe.getsockname()[1]
        probe.sendto(
            (f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n"
             f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKready{time.monotonic_ns()}\r\n"
             f"From: <sip:probe@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1:{port}>;tag=x\r\n"
             f"Call-ID: {time.monotonic_ns()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\n"
             "Content-Length: 0\r\n\r\n").encode(), ("127.0.0.1", port))
        try:
            return bool(probe.recv(4096))
        except OSError:
            return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--sip-port", type=int, required=True)
    parser.add_argument("--to", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    program = shutil.which("kamailio") or "/usr/sbin/kamailio"
    # A parent may have blocked signals; kamailio's timers and its end need them.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dispatcher.list").write_text(
        "".join(f"1 sip:{place}\n" for place in arguments.to.split(",") if place))
    (folder / "kamailio.cfg").write_text(CONFIG.format(
        port=arguments.sip_port, folder=folder, modules=modules(),
        challenge=CHALLENGE.format(password=arguments.password) if arguments.password else ""))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [program, "-DD", "-E", "-f", str(folder / "kamailio.cfg"), "-Y", str(folder),
             "-P", str(folder / "pid"), "-m", "64", "-M", "8"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        stopping = []
        signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
        end = time.monotonic() + arguments.seconds
        is_ready = False
        while process.poll() is None and time.monotonic() < end and not stopping:
            if not is_ready and answers(arguments.sip_port):
                is_ready = True
                print('{"event": "listening"}', flush=True)
            time.sleep(0.05)
        finish(process)
    if not is_ready:
        sys.stderr.write((folder / "log").read_text(errors="replace")[-3000:])
    sys.exit(0 if is_ready else 1)


if __name__ == "__main__":
    main()
