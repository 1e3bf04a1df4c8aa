"""The demo's processes: started in sessions of their own, ended by pid, always."""

import ctypes
import os
import signal
import socket
import subprocess
import time


class StartError(Exception):
    """Something could not be started or has ended too early, in one line."""


def free_port(preferred, udp=False):
    """The preferred port of 127.0.0.1 if it is free, else any free one."""
    for port in (preferred, 0):
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        with probe:
            if not udp:
                # A server may bind over connections in TIME_WAIT, so the probe may, too.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise StartError("no free port on 127.0.0.1")


def _end_with_parent():
    """Should the demo itself be killed, its children get SIGTERM: PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Processes:
    """A context manager; leaving it ends what was started, last first."""

    def __enter__(self):
        self.children = []
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, self._interrupt)
        return self

    @staticmethod
    def _interrupt(*_):
        raise KeyboardInterrupt

    def __exit__(self, *_):
        # From here on nothing may stop the clearing up.
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        for _, process in reversed(self.children):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 8
        for _, process in reversed(self.children):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return False

    @staticmethod
    def run(command):
        if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
            raise StartError(f"{os.path.basename(command[-2])} failed")

    def start(self, name, command, log, cwd=None):
        with open(log, "wb") as output:
            try:
                process = subprocess.Popen(
                    command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output,
                    stderr=subprocess.STDOUT, start_new_session=True,
                    preexec_fn=_end_with_parent)
            except OSError as error:
                raise StartError(f"cannot start the {name}: {error}") from None
        process.log = log
        self.children.append((name, process))

    def check(self):
        """Raises StartError with the last words of a child that has ended."""
        for name, process in self.children:
            if process.poll() is not None:
                words = process.log.read_text(errors="replace").strip().splitlines()[-3:]
                raise StartError("\n".join(
                    [f"the {name} ended with code {process.returncode}:", *words]))

    def wait_until(self, ready, seconds, complaint):
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise StartError(f"{complaint} within {seconds} s")
            time.sleep(0.1)

    def wait(self):
        """Until a child ends, or the demo is interrupted."""
        while True:
            self.check()
            time.sleep(0.5)
