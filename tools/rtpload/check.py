#!/usr/bin/env python3
"""Holds rtpload against servers whose delays, losses, latching and timestamps are known.

  swift build -c release --package-path tools/rtpload
  tools/rtpload/check.py [--program tools/rtpload/.build/release/rtpload] [--short] [NAME ...]

On 127.0.0.1, 200 packets a second, some three minutes; --short is what tools/test runs, about one. Then a case
that fails is tried once more, since a busy machine holds up packets. Ends with 1 when a case fails.
"""
import argparse
import pathlib
import sys

from checks import counting, matching, refusing, securing, sounding

HERE = pathlib.Path(__file__).resolve().parent
#: Of the cases of `matching`, one of each kind of server.
SHORT = {
    "keep 0 ms", "offset 60 ms", "latches at the 3rd, 700 ms", "counts frames, 60 ms", "timer, 60 ms",
}


def checks(is_short):
    """[(name, a function that gets the program and yields what is wrong)]."""
    assert SHORT <= {case.name for case in matching.CASES}
    found = [("addresses", refusing.addresses), ("options", refusing.options)]
    found += [(case.name, case.faults) for case in matching.CASES
              if not is_short or case.name in SHORT]
    found += [
        ("percentiles", counting.percentiles), ("losses", counting.losses),
        ("impaired", counting.impaired), ("by sound", counting.by_sound),
        ("refused", counting.refused), ("secured", securing.secured),
        ("by API", refusing.legs_by_api), ("captured", sounding.captured),
        ("recorded", sounding.recorded), ("heard", sounding.heard),
    ]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=HERE / ".build/release/rtpload")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("names", nargs="*", help="only cases whose name has one of these")
    options = parser.parse_args()
    done, bad = 0, 0
    for name, check in checks(options.short):
        if options.names and not any(word in name for word in options.names):
            continue
        faults = list(check(options.program))
        if faults and options.short:
            print(f"  once more: {name}: {'; '.join(faults)}")
            faults = list(check(options.program))
        done += 1
        bad += bool(faults)
        for fault in faults:
            print(f"  FAILED {name}: {fault}")
    print(f"{done} cases, {bad} failed")
    sys.exit(1 if bad or not done else 0)


if __name__ == "__main__":
    main()
