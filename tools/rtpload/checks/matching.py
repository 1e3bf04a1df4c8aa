"""Which packet a reply answers: servers that keep, shift or count timestamps, and latch late."""
from .echo import Echo, LEGS, load


class Case:
    def __init__(self, name, start=1.5, slack=0.012, guessed=0, most=0.0, **echo):
        self.name, self.start, self.slack, self.guessed = name, start, slack, guessed
        self.most, self.echo = most, echo

    def faults(self, program):
        with Echo(**self.echo) as echo:
            result = load(program, echo.target)
        delay = self.echo.get("delay", 0) + self.echo.get("jitter", 0) / 2
        p50 = result.get("latency_us", {}).get("p50", -1) / 1e6
        print(f"{self.name}: sent {result['sent']} lost {result['lost']} unmatched "
              f"{result['unmatched']} duplicates {result['duplicates']} p50 {p50 * 1000:.1f} ms "
              f"guessed {result.get('guessed_offsets')} start {result['start_s']:.2f} s")
        if result["lost"] > self.most * result["sent"] or result["duplicates"]:
            yield "lost or duplicates"
        if result["unmatched"]:
            yield "unmatched"
        if not delay - 0.001 <= p50 <= delay + self.slack:
            yield f"p50 is not {delay * 1000:.1f} ms"
        if result.get("guessed_offsets") != self.guessed:
            yield "guessed offsets"
        if result["start_s"] > self.start:
            yield f"began later than {self.start} s"


def delays():
    for delay in (0, 15, 60, 120, 260, 480, 900):
        for stamps in ("keep", "offset"):
            yield Case(f"{stamps} {delay} ms", delay=delay / 1000, stamps=stamps,
                       start=1.2 + 3.5 * delay / 1000)


CASES = [
    *delays(),
    Case("latches at the 2nd, 15 ms", delay=0.015, latch=1, stamps="offset", start=1.9),
    Case("latches at the 4th, 120 ms", delay=0.12, latch=3, stamps="offset", start=3.5),
    Case("latches at the 3rd, 700 ms", delay=0.7, latch=2, stamps="offset", start=6),
    Case("latches at the 4th, keeps, 260 ms", delay=0.26, latch=3, start=3.8),
    Case("latches at the 6th, 15 ms", delay=0.015, latch=5, stamps="offset", start=4.5),
    Case("jitter of 30 ms on 40", delay=0.04, jitter=0.03, stamps="offset", start=1.6),
    Case("counts frames, 3 ms", delay=0.003, stamps="counter"),
    Case("counts frames, 60 ms", delay=0.06, stamps="counter", guessed=LEGS, start=3),
    Case("timer, 3 ms", delay=0.003, stamps="timer"),
    Case("timer, 60 ms", delay=0.06, stamps="timer"),
    # Never answered while it is learned: its latency may be wrong by packets, and that is said.
    Case("latches at the 12th, 15 ms", delay=0.015, latch=11, stamps="offset", start=6,
         guessed=LEGS, most=0.02),
    Case("latches at the 12th, keeps, 260 ms", delay=0.26, latch=11, start=6, most=0.02),
]
