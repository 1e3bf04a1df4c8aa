"""Words for results: on the terminal, and in docs/DETECTION.md between two marks."""


def percent(value):
    return f"{100 * value:.1f} %"


def say_openings(result):
    beeps, verdicts = result["beeps"], result["verdicts"]
    print(
        f"  beeps: recall {beeps['recall']:.4f} of {beeps['total']}, false alarms {beeps['false']:.2f} an hour, after the end p50 "
        f"{beeps['after_end'][0]:.2f} p95 {beeps['after_end'][1]:.2f} s"
    )
    kinds = {k[5:]: f"{a}/{b}" for k, (a, b) in beeps["parts"].items() if k.startswith("kind ")}
    print("  by kind: " + ", ".join(f"{k} {v}" for k, v in kinds.items()))
    print(
        "  false: "
        + ", ".join(f"{k} {n} in {h:.2f} h" for k, (n, h) in beeps["false_parts"].items() if n)
    )
    print(
        f"  verdicts: people right {verdicts['humans']:.4f} of {verdicts['human_total']}, machines right {verdicts['machines']:.4f} of "
        f"{verdicts['machine_total']}, human known after the greeting p50 {verdicts['delay'][0]:.2f} p95 {verdicts['delay'][1]:.2f} s"
    )
    print("  " + ", ".join(f"{a}→{b} {n}" for a, b, n in verdicts["confusion"]))


BEGIN = "<!-- results: written by tools/eval/run, not by hand -->"
END = "<!-- end of results -->"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def number(value, decimals=2):
    return "–" if value is None or value != value else f"{value:.{decimals}f}"


def stamp(kept):
    return f"_{kept['date']}, {kept['machine']}._"


def beeps(kept):
    result = kept["result"]
    head = [
        "",
        "strangers: found",
        "false an hour",
        "known after the end, p50 / p95",
        "known talkers: found",
        "false an hour",
    ]
    rows = []
    for name, key in (
        ("**Trunkline**", "beeps"),
        ("avmd's rule (mended, listening on)", "avmd"),
        ("one steady line for 100 ms", "peak"),
    ):
        a, b = result["unseen"][key], result["seen"][key]
        rows.append(
            [
                name,
                f"{percent(a['recall'])} of {a['total']}",
                number(a["false"], 1),
                f"{number(a['after_end'][0])} / {number(a['after_end'][1])} s",
                f"{percent(b['recall'])} of {b['total']}",
                number(b["false"], 1),
            ]
        )
    ours = result["unseen"]["beeps"]
    parts = lambda prefix: {
        k[len(prefix) :]: v for k, v in ours["parts"].items() if k.startswith(prefix)
    }
    kinds = sorted(parts("kind ").items(), key=lambda kv: (kv[1][0] / kv[1][1], kv[0]))
    others = [
        (title, parts(prefix))
        for title, prefix in (
            ("noise below speech, dB", "snr "),
            ("loss", "loss "),
            ("codec", "codec "),
            ("level", "level "),
        )
    ]
    text = [
        table(head, rows),
        "",
        "Found by kind, strangers: " + ", ".join(f"{k} {a}/{b}" for k, (a, b) in kinds) + ".",
    ]
    for title, values in others:
        text.append(
            f"By {title}: " + ", ".join(f"{k} {a}/{b}" for k, (a, b) in values.items()) + "."
        )
    false = [
        [
            k.replace("neg:", ""),
            number(h),
            n,
            *(result["unseen"][o]["false_parts"].get(k, [0, 0])[0] for o in ("avmd", "peak")),
        ]
        for k, (n, h) in ours["false_parts"].items()
    ]
    text += [
        "",
        table(["false beeps in", "hours", "Trunkline", "avmd's rule", "steady line"], false),
        "",
        "![Beeps found, by kind and by noise](detection/beeps.png)",
    ]
    return "\n".join(text)


def information(found):
    """What special information tones said, a line; nothing of results without them."""
    if not found:
        return []
    return [
        f"Special information tones: {found['found']} of {found['total']} found; which they are was said rightly of "
        f"{found['right']}, not said of {found['silent']}, said wrongly of {found['wrong']}.",
        "",
    ]


def verdicts(kept):
    rows = []
    for split, words in (("unseen", "strangers"), ("seen", "known talkers")):
        for name, key in (("**Trunkline**", "verdicts"), ("app_amd's rule", "app_amd")):
            r = kept["result"][split][key]
            rows.append(
                [
                    name,
                    words,
                    f"{percent(r['humans'])} of {r['human_total']}",
                    f"{percent(r['machines'])} of {r['machine_total']}",
                    f"{number(r['delay'][0])} / {number(r['delay'][1])} s",
                    f"{number(r['time'][0], 1)} / {number(r['time'][1], 1)} s",
                ]
            )
    result = kept["result"]["unseen"]
    ours = result["verdicts"]
    parts = {k[5:]: v for k, v in ours["parts"].items() if k.startswith("kind ")}
    languages = {k: v for k, v in ours["parts"].items() if k.startswith(("human ", "machine "))}
    return "\n".join(
        [
            table(
                [
                    "",
                    "",
                    "people right",
                    "machines right",
                    "human known after the greeting, p50 / p95",
                    "any verdict, p50 / p95",
                ],
                rows,
            ),
            "",
            "Right by kind: "
            + ", ".join(f"{k} {a}/{b}" for k, (a, b) in sorted(parts.items()))
            + ".",
            "By language: "
            + ", ".join(f"{k} {a}/{b}" for k, (a, b) in sorted(languages.items()))
            + ".",
            "",
            f"Greeting's end is off by {number(result['greeting_end'][0])} s in the middle, {number(result['greeting_end'][1])} s at 95 %. "
            f"\"Ready\" comes {number(result['ready'][0])} / {number(result['ready'][1])} s after the end of the beep (p50 / p95); "
            f"{result['ready_none']} of {result['ready_total']} had none within 2 s, {result['ready_early']} came before the beep was over.",
            "",
            *information(result.get("information")),
            "![Answers and verdicts](detection/verdicts.png)",
            "",
            "![Times](detection/timing.png)",
            "",
            "The worst (red: the false beep or the verdict; green: the missed beep; light blue: speech):",
            "",
            "![Worst openings](detection/worst-openings.png)",
        ]
    )


def voice(kept):
    rows = []
    by_name = {d["name"]: d for d in kept["result"]["seen"]["detectors"]}
    for d in kept["result"]["unseen"]["detectors"]:
        seen = by_name.get(d["name"])
        rows.append(
            [
                f"**{d['name']}**" if d["name"] == "Trunkline" else d["name"],
                number(d["area"], 4),
                number(d["false"], 3),
                number(seen["area"], 4) if seen else "–",
                number(seen["false"], 3) if seen else "–",
                number(d["cost"]),
            ]
        )
    text = [
        table(
            [
                "",
                "strangers: ROC area",
                "false at 95 % true",
                "known talkers: area",
                "false",
                "CPU ms a second",
            ],
            rows,
        ),
        "",
    ]
    parts = kept["result"]["unseen"]["parts"]
    silero = parts["background"].get("Silero, 8 kHz", {})
    for field, words in (
        ("background", "background"),
        ("speaker", "talker"),
        ("codec", "codec"),
        ("snr_db", "signal to noise, dB"),
        ("loss", "loss"),
    ):
        ours = parts[field]["Trunkline"]
        theirs = parts[field].get("Silero, 8 kHz", {})
        text += [
            table(
                [
                    words,
                    "ROC area",
                    "false at 95 % true",
                    "at the common threshold: true / false",
                    "Silero: area",
                    "false",
                ],
                [
                    [
                        k,
                        number(v[0], 3),
                        number(v[1], 3),
                        f"{number(v[2], 3)} / {number(v[3], 3)}",
                        number(theirs[k][0], 3) if k in theirs else "–",
                        number(theirs[k][1], 3) if k in theirs else "–",
                    ]
                    for k, v in ours.items()
                ],
            ),
            "",
        ]
    text += [
        "![Voice activity](detection/voice.png)",
        "",
        "Where it is worst (light blue: speech; red: on the wrong side of the common threshold):",
        "",
        "![Worst clips](detection/worst-voice.png)",
    ]
    return "\n".join(text)


def digits(kept):
    rows = []
    for test, cases in kept["result"]["table"].items():
        shown = []
        for c in cases:
            one = lambda pair: f"{pair[0]}" + (f"+{pair[1]}" if pair[1] else "")
            mark = " **worse**" if c["worse"] else ""
            mark += "" if c["met"] else " **not met**"
            shown.append((c, one(c["ours"]), one(c["theirs"]) if c["theirs"] else "–", mark))
        # Values where both find all and nothing else are told together.
        same = [str(c["value"]) for c, a, b, m in shown if a == b == str(c["digits"]) and not m]
        none = [str(c["value"]) for c, a, b, m in shown if a == b == "0" and not m]
        rest = [(c, a, b, m) for c, a, b, m in shown if str(c["value"]) not in same + none]
        rows.append(
            [
                test,
                ", ".join(same) or "–",
                ", ".join(none) or "–",
                "; ".join(f"{c['value']}: {a} / {b} of {c['digits']}{m}" for c, a, b, m in rest)
                or "–",
            ]
        )
    talk = [
        [name.replace("talk-off ", ""), f"{t['minutes']:.0f} min", t["ours"], t["theirs"]]
        for name, t in kept["result"]["talk_off"].items()
    ]
    worse = sum(c["worse"] for cases in kept["result"]["table"].values() for c in cases)
    cases = sum(len(c) for c in kept["result"]["table"].values())
    unmet = sum(not c["met"] for cases in kept["result"]["table"].values() for c in cases)
    return "\n".join(
        [
            f"{cases} cases; limits not met: {unmet}; cases in which libspandsp 0.0.6 does better: {worse}.",
            "",
            table(
                [
                    "test",
                    "both find all at",
                    "both find none at",
                    "else: Trunkline / spandsp (found+extra)",
                ],
                rows,
            ),
            "",
            table(["talk-off", "sound", "false digits, Trunkline", "spandsp"], talk),
        ]
    )


def hinted(kept):
    rows = [
        [
            "strangers" if split == "unseen" else "known talkers",
            {"alone": "sound", "told": "sound and transcript"}[name],
            f"{percent(r['humans'])} of {r['human_total']}",
            f"{percent(r['machines'])} of {r['machine_total']}",
            " / ".join(number(v, 2) for v in r["delay"]) + " s",
            " / ".join(number(v, 1) for v in r["time"]) + " s",
        ]
        for split, both in kept["result"].items()
        for name, r in both.items()
    ]
    return "\n".join(
        [
            "English openings with the words of a recogniser that makes no mistakes and knows a word 0.6 to 1.1 s after its end (`tools/eval/hints.py`):",
            "",
            table(
                ["", "by", "people right", "machines right", "known after the person stopped", "after the answer"],
                rows,
            ),
        ]
    )


def noise(kept):
    rows = [
        [
            f"{r['ratio']} dB",
            percent(r["found"] / r["total"]),
            str(r["total"]),
            number(r["false"], 1),
            ", ".join(f"{k} {a}/{b}" for k, (a, b) in r["parts"].items()),
        ]
        for r in kept["result"]
    ]
    return "\n".join(
        [
            "Single tones of 0.12 to 5 s (log-uniform), 400 to 3000 Hz, alone in noise on a line of 300 to 3400 Hz, µ-law; the ratio of the powers:",
            "",
            table(["signal to noise", "found", "of", "false an hour", "by noise"], rows),
        ]
    )


def sweep(kept):
    rows = [
        [
            r["name"],
            percent(r["recall"]),
            number(r["false"], 1),
            percent(r["humans"]),
            percent(r["machines"]),
            number(r["area"], 3),
            number(r["false_positives"], 3),
        ]
        for r in kept["result"]
    ]
    same = [(r["name"], r["same"], r["files"]) for r in kept["result"] if r["same"] is not None]
    return "\n".join(
        [
            table(
                [
                    "changed",
                    "beeps found",
                    "false an hour",
                    "people right",
                    "machines right",
                    "voice: ROC area",
                    "false at 95 % true",
                ],
                rows,
            ),
            "",
            "Same events, to the millisecond, as with packets of 20 ms: "
            + ", ".join(f"{n} {a} of {b} files" for n, a, b in same)
            + ".",
        ]
    )


def cost(kept):
    r = kept["result"]
    return (
        f"`tools/bench/detect`: {number(r['chain_us'])} µs of CPU for 20 ms with all detectors, {number(r['ratio'], 1)} times the C floor "
        f"of eight Goertzel filters and the energy in the same run ({number(r['floor_us'])} µs); {r['allocations']} allocations in a "
        f"minute; {r['state_bytes']} bytes of state a leg. Median of {r['rounds']} rounds."
    )


def crossval(kept):
    rows = [
        [
            r["person"],
            number(r.get("area"), 4),
            number(r.get("false"), 3),
            ", ".join(r["kinds"]),
            f"{r['found']} of {r['total']}" if "found" in r else "–",
        ]
        for r in kept["result"].values()
    ]
    return "\n".join(
        [
            "Networks trained again (`tools/eval/crossval`: one seed, fewer scenes than those in use had) without one of the recorded people and "
            "without a third of the kinds of beeps, judged on just those; rules and thresholds as they are:",
            "",
            table(
                [
                    "person left out",
                    "voice: ROC area",
                    "false at 95 % true",
                    "beeps left out",
                    "found",
                ],
                rows,
            ),
        ]
    )


PARTS = [
    ("openings", "Beeps", beeps),
    ("openings", "Who answered", verdicts),
    ("hints", "Who answered, with a transcript", hinted),
    ("voice", "Voice activity", voice),
    ("crossval", "Cross-validation", crossval),
    ("digits", "In-band digits", digits),
    ("noise", "Beeps in noise", noise),
    ("sweeps", "Robustness", sweep),
    ("cost", "Cost", cost),
]


def write(path, kept):
    """Replaces what lies between the marks of `path` by what was measured; a section that was not stays as it is."""
    text = path.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"eval: {path} has no marks {BEGIN!r} … {END!r}")
    before, _, rest = text.partition(BEGIN)
    written, _, after = rest.partition(END)
    earlier = dict(part.split("\n", 1) for part in written.split("\n### ")[1:])
    parts = []
    for section, title, make in PARTS:
        if section in kept:
            parts += [f"### {title}", stamp(kept[section]), "", make(kept[section]), ""]
        elif title in earlier:
            parts += [f"### {title}", earlier[title].rstrip(), ""]
    path.write_text(before + BEGIN + "\n\n" + "\n".join(parts) + "\n" + END + after)
    print(f"wrote {path}")
