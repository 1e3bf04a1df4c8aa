"""Results as Markdown."""

import statistics

from .measure import late, lost

START, END = "<!-- bench table: written by tools/bench/run -->", "<!-- end of bench table -->"
#: Ratio aims: what, candidate and calls, against which, at most.
RATIOS = [
    ("1a", "full leg, 100 ms frames / C floor's", ("ai100", "A"), ("floor-ai100", "A"), 1.1),
    ("1b", "full leg, 20 ms frames / C floor's", ("ai20", "B"), ("floor-ai20", "B"), 1.2),
    ("1c", "multiplexed, 20 ms / C floor's connection a call, 20 ms",
     ("mux20", "B"), ("floor-ai20", "B"), 0.7),
    ("2a", "full leg, 100 ms frames / rtpengine relaying the call",
     ("ai100", "A"), ("rtpengine", "A"), 0.65),
    ("2b", "multiplexed, 20 ms / rtpengine relaying the call",
     ("mux20", "A"), ("rtpengine", "A"), 0.65),
]


def median(values):
    return statistics.median(values)


def ratios(ours, theirs):
    """Round by round, where both ran."""
    return [a["cost_ms"] / b["cost_ms"] for a, b in zip(ours, theirs) if a and b and b["cost_ms"]]


def cell_of_ratio(values):
    if not values:
        return "–"
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def verdict(is_met):
    return "–" if is_met is None else "met" if is_met else "**not met**"


def is_generators(result):
    """More than one packet in a hundred left over a millisecond late: the figures are not the server's."""
    return result.get("generator_late_sends", 0) > result["sent"] / 100


def row(name, calls, found, against):
    """One candidate at one number of calls; `found` and `against` are its and the reference's rounds."""
    good = [result for result in found if result]
    if not good:
        return f"| {name} | {calls} | – | – | – | – | – | – |"
    quick = [r["latency_us"] for r in good if "latency_us" in r]
    looped = [r["audio"]["latency_us"]["p50"] / 1000 for r in good
              if r.get("audio", {}).get("returned")]
    added = "–" if not quick else (
        f"{median(q['p50'] for q in quick) / 1000:.2f} / "
        f"{median(q['p99'] for q in quick) / 1000:.2f}")
    if looped:
        added += f" (bot {median(looped):.0f})"
    if any(map(is_generators, good)):
        name += " †"
    return (
        f"| {name} | {calls} | {median(r['server']['us_per_packet'] for r in good):.1f} "
        f"| {median(r['cost_ms'] for r in good):.3f} | {cell_of_ratio(ratios(found, against))} "
        f"| {added} | {sum(map(lost, good))} / {sum(map(late, good))} of "
        f"{sum(r['sent'] for r in good)} | {median(r['host']['kib_per_call'] for r in good):.0f} |")


HEADING = [
    "| candidate | calls | µs a packet | ms a call-second | × its floor (min–max) "
    "| added p50 / p99, ms | lost / late | KiB a call |",
    "|---|---|---|---|---|---|---|---|",
]


def comparison(section, names, floor_of):
    """`section`: {"CANDIDATE@CALLS": rounds}."""
    lines = list(HEADING)
    for key, found in section["results"].items():
        candidate, calls = key.split("@")
        reference = section["results"].get(f"{floor_of(candidate)}@{calls}", [])
        lines.append(row(names.get(candidate, candidate), calls, found, reference))
    return lines


def aim_rows(results):
    """(number, what, wanted, measured, whether it is met) of every aim that was measured."""
    sections = results
    if "aims" in sections:
        found = sections["aims"]["results"]
        calls = sections["aims"]["calls"]
        for number, what, (ours, a), (theirs, b), limit in RATIOS:
            values = ratios(
                found.get(f"{ours}@{calls[a]}", []), found.get(f"{theirs}@{calls[b]}", []))
            yield (number, f"{what}, {calls[a]} calls", f"≤ {limit}", cell_of_ratio(values),
                   median(values) <= limit if values else None)
    if "soak" in sections:
        yield from soak_rows(sections["soak"])
    if "unit" in sections:
        yield from unit_rows(sections["unit"])
    if "sweep" in sections:
        yield from sweep_rows(sections["sweep"])


def growth_kib(memory):
    """Resident memory at the end less that after the first quarter."""
    if len(memory) < 4:
        return None
    return memory[-1][1] - memory[len(memory) // 4][1]


def soak_rows(section):
    for key, rounds in section["results"].items():
        candidate, calls = key.split("@")
        good = [result for result in rounds if result]
        if not good:
            continue
        result = good[-1]
        what = f"{candidate}, {calls} calls, {result['seconds']:.0f} s"
        probe = result.get("latency_us", {}).get("p99")
        if probe is not None:
            yield ("3a", f"added p99, {what}", "≤ 5 ms", f"{probe / 1000:.2f} ms", probe <= 5000)
        bad = lost(result), late(result)
        yield ("3b", f"lost / late of {result['sent']}, {what}", "0 / 0", f"{bad[0]} / {bad[1]}",
               bad == (0, 0))
        kib = result["host"]["kib_per_call"]
        yield "3c", f"memory a leg, {what}", "≤ 48 KiB", f"{kib:.0f} KiB", kib <= 48
        growth = growth_kib(result["host"]["memory"])
        if growth is not None:
            yield ("3d", f"memory gained after the first quarter, {what}", "≤ 1 KiB a leg",
                   f"{growth / int(calls):.2f} KiB a leg", growth <= int(calls))
        tick = result["host"]["tick_p99_s"]
        if tick is not None:
            yield ("3e", f"p99 tick lateness, {what}", "≤ 1 ms", f"≤ {tick * 1000:g} ms",
                   tick <= 0.001)
        used = result["server"]["cpu_s"] / result["seconds"]
        yield "3f", f"cores used, {what}", "≤ 1", f"{used:.2f}", used <= 1


def unit_rows(section):
    for name, said in section["allocations"].items():
        yield "4a", f"allocations a packet, `{name}`", "0", said["text"], said["passed"]
    for streams, (protect, unprotect) in section["srtp"].items():
        wanted = "≤ 400 ns" if streams == "4000" else ""
        is_met = max(protect, unprotect) <= 400 if streams == "4000" else None
        yield ("4b", f"SRTP protect / unprotect, {streams} streams", wanted,
               f"{protect} / {unprotect} ns", is_met)
    for streams, times in section["threads"].items():
        alone = section["srtp"].get(streams)
        worst = max(max(pair) for pair in times)
        measured = ", ".join(f"{a} / {b}" for a, b in times) + " ns"
        yield ("4c", f"the same on each of 2 threads, {streams} streams each",
               "≤ 1.25 × one thread's", measured,
               worst <= 1.25 * max(alone) if alone else None)


def sweep_rows(section):
    """Linear: the cost of a call must not rise with the number of calls."""
    costs = {}
    for key, rounds in section["results"].items():
        candidate, calls = key.split("@")
        good = [r["cost_ms"] for r in rounds if r]
        if good:
            costs.setdefault(candidate, {})[int(calls)] = median(good)
    for candidate, points in costs.items():
        if len(points) < 2:
            continue
        least, most = min(points), max(points)
        growth = points[most] / min(points.values())
        yield ("5", f"{candidate}: ms a call-second from {least} to {most} calls",
               "never above 1.25 × its least",
               f"{points[least]:.2f} → {points[most]:.2f}, {growth:.2f} × the least", growth <= 1.25)


def aims(results):
    lines = ["| aim | what | wanted | measured | |", "|---|---|---|---|---|"]
    for number, what, wanted, measured, is_met in aim_rows(results):
        lines.append(f"| {number} | {what} | {wanted} | {measured} | {verdict(is_met)} |")
    return lines


def note(section):
    return (f"{section['date']}, {section['machine']}, load {section['load'][0]:.1f} before and "
            f"{section['load'][1]:.1f} after (1 min): `{section['command']}`.")


def render(results, names, floor_of, picture):
    """Everything between the markers of docs/PERFORMANCE.md."""
    lines = ["### Aims", ""] + aims(results) + [""]
    for key, title in (("aims", "What the ratios are made of"), ("parts", "The parts"),
                       ("sweep", "From few calls to the limit"), ("soak", "Soak"),
                       ("unit", "Allocations and SRTP")):
        if key not in results:
            continue
        lines += [f"### {title}", "", note(results[key]), ""]
        if key == "sweep" and picture:
            lines += [f"![CPU and added latency against calls]({picture})", ""]
        if key != "unit":
            table = comparison(results[key], names, floor_of)
            lines += table + [""]
            if any(" † |" in line for line in table):
                lines += ["† In some round the load generator itself was late with more than one packet "
                          "in a hundred.", ""]
    return "\n".join(lines).rstrip()


def replaced(document, text):
    """The document with `text` between the markers."""
    before, rest = document.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n{text}\n{END}{after}"
