#!/usr/bin/env python3
"""A headless baresip on loopback, for a bounded time: plays a WAV file, records what it hears.

    baresip.py FOLDER --sip-port N --media-ports LO-HI --play WAV [--srtp none|sdes|dtls]
               [--codec PCMU|PCMA|G722|opus] [--call URI] [--transport udp|tcp|tls]
               [--certificate PEM] [--seconds S]

It listens for TLS one port above --sip-port, with the certificate and key in PEM.
Without --call it answers at once. FOLDER gets config, log, and after the end heard.wav (mono, at
the codec's rate) with what came from the far end. Exit code 0 when a call was up.
"""
import argparse
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import wave

from child import finish

MODULES = "/usr/lib/baresip/modules"
KEYING = {"none": "", "sdes": ";mediaenc=srtp-mand", "dtls": ";mediaenc=dtls_srtp"}
# Name in the account, sample rate of the sound files (baresip 1.0.0 resamples none).
CODECS = {
    "PCMU": ("PCMU/8000/1", 8000), "PCMA": ("PCMA/8000/1", 8000),
    "G722": ("G722/16000/1", 16000), "opus": ("opus/48000/2", 48000),
}
# net_interface takes an address: a name would put another interface's into the SDP. The player
# is a sink; recordings come from sndfile.
CONFIG = """poll_method epoll
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
call_local_timeout 60
call_max_calls 4
audio_path none
audio_source aufile,{play}
audio_player aubridge,sink{port}
audio_alert ausine,440
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
audio_txmode poll
audio_buffer 20-160
rtp_ports {media}
jitter_buffer_type fixed
jitter_buffer_delay 1-20
statmode_default off
module_path {modules}
module g711.so
module g722.so
module opus.so
module aufile.so
module ausine.so
module aubridge.so
module sndfile.so
module srtp.so
module dtls_srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
snd_path {folder}
opus_bitrate 28000
"""


def write_config(arguments, codec, rate):
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    for old in glob.glob(f"{folder}/dump-*.wav"):
        os.remove(old)
    (folder / "contacts").write_text("")
    transport = "" if arguments.transport == "udp" else f";transport={arguments.transport}"
    (folder / "accounts").write_text(
        f"<sip:peer@127.0.0.1:{arguments.sip_port}{transport}>;regint=0;answermode=auto"
        f"{KEYING[arguments.srtp]};audio_codecs={codec}\n")
    (folder / "config").write_text(CONFIG.format(
        port=arguments.sip_port, play=arguments.play, rate=rate, media=arguments.media_ports,
        modules=MODULES, folder=folder)
        + (f"sip_certificate {arguments.certificate}\n" if arguments.certificate else ""))


def keep_recording(folder):
    """The longest of baresip's recordings of the far end, as heard.wav."""
    found = sorted(glob.glob(f"{folder}/dump-*-dec.wav"), key=os.path.getsize)
    if not found:
        return False
    with wave.open(found[-1]) as file:
        if file.getnframes() == 0:
            return False
    shutil.copyfile(found[-1], folder / "heard.wav")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--sip-port", type=int, required=True)
    parser.add_argument("--media-ports", required=True)
    parser.add_argument("--play", required=True)
    parser.add_argument("--srtp", choices=sorted(KEYING), default="none")
    parser.add_argument("--codec", choices=sorted(CODECS), default="PCMU")
    parser.add_argument("--call")
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"], default="udp")
    parser.add_argument("--certificate", type=os.path.abspath)
    parser.add_argument("--seconds", type=int, default=10)
    arguments = parser.parse_args()
    arguments.play = os.path.abspath(arguments.play)
    codec, rate = CODECS[arguments.codec]
    with wave.open(arguments.play) as file:
        if (file.getframerate(), file.getnchannels()) != (rate, 1):
            sys.exit(f"baresip.py: {arguments.play} is not mono at {rate} Hz")
    write_config(arguments, codec, rate)
    # Line by line, or its log comes in lumps of 4 KiB and nobody sees when it is ready.
    command = ["stdbuf", "-oL", "baresip", "-f", str(arguments.folder), "-v"]
    if arguments.call:
        command += ["-e", f"d {arguments.call}"]
    with open(arguments.folder / "log", "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGTERM))
        # It ends itself in order on SIGTERM, and only then are its recordings whole.
        end = time.monotonic() + arguments.seconds
        is_ready = False
        while process.poll() is None and time.monotonic() < end:
            text = (arguments.folder / "log").read_text(errors="replace")
            if not is_ready and "baresip is ready" in text:
                is_ready = True
                print('{"event": "listening"}', flush=True)
            # The one call is over.
            if "terminated" in text or "session closed" in text.lower():
                break
            time.sleep(0.05)
        finish(process)
    text = (arguments.folder / "log").read_text(errors="replace")
    up = "Call established" in text
    if not up:
        sys.stderr.write(text[-3000:])
    if not keep_recording(arguments.folder):
        sys.stderr.write("baresip.py: nothing was recorded\n")
    sys.exit(0 if up else 1)


if __name__ == "__main__":
    main()
