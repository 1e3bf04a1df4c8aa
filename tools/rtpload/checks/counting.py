"""Sent, lost, late, percentiles and impairment, with a server that does what is known to some packets."""
import struct

from .echo import Echo, LEGS, load

BROADCAST = "127.255.255.255"
FRAME = 0.02


def near(value, wanted, slack):
    return abs(value - wanted) <= slack


def percentiles(program):
    """Of twenty replies one comes after 70 ms, two after 35, the others after 5."""
    def fate(count):
        return {0: 0.065, 10: 0.03, 14: 0.03}.get(count % 20, 0)

    with Echo(delay=0.005, fate=fate) as echo:
        result = load(program, echo.target, seconds=2)
    sent, latency = result["sent"], {k: v / 1000 for k, v in result["latency_us"].items()}
    print(f"percentiles: sent {sent} late {result['late']} reordered {result['reordered']} " + " ".join(
        f"{name} {value:.1f}" for name, value in latency.items()) + " ms")
    for name, wanted in (("p50", 5), ("p90", 35), ("p99", 70), ("max", 70)):
        if not wanted - 0.5 <= latency[name] <= wanted + 12:
            yield f"{name} is not {wanted} ms"
    if not 11 <= latency["mean"] <= 20:
        yield "mean is not 11.25 ms"
    # All that come after more than a frame are late, and the next ones overtake them.
    for name in ("late", "reordered"):
        if not 0.15 * sent - LEGS <= result[name] <= 0.15 * sent + LEGS + 0.04 * sent:
            yield f"{name} is not 15 %"
    if result["lost"] or result["duplicates"] or result["unmatched"]:
        yield "lost, duplicates or unmatched"


def losses(program):
    """Of ten packets one has no answer."""
    with Echo(fate=lambda count: None if count % 10 == 9 else 0) as echo:
        result = load(program, echo.target)
    sent, lost, missing = result["sent"], result["lost"], result["replies"]["missing"]
    print(f"losses: sent {sent} received {result['received']} lost {lost} missing {missing}")
    if not near(lost, sent / 10, LEGS) or result["received"] + lost != sent:
        yield "lost is not a tenth"
    if not near(missing, sent / 10, LEGS):
        yield "missing replies are not a tenth"


def impaired(program):
    """The same losses, delays and copies with the same seed; what was not sent is not lost."""
    def numbers(echo, leg):
        return {struct.unpack(">H", packet[2:4])[0] for _, packet in echo.heard[leg]}

    def run(seed):
        with Echo() as echo:
            result = load(program, echo.target, "--loss", 20, "--burst", 2, "--jitter", 50,
                          "--duplicates", 10, "--seed", seed, warmup=0.2)
        gone = [sorted(set(range(60)) - numbers(echo, leg)) for leg in range(LEGS)]
        return result, gone

    (result, gone), (_, again), (_, other) = run(7), run(7), run(8)
    did = result["impairment"]
    total = result["sent"] + did["dropped"]
    print(f"impaired: sent {result['sent']} dropped {did['dropped']} copied {did['copied']} duplicates "
          f"{result['duplicates']} reordered {result['reordered']} lost {result['lost']}")
    if result["lost"]:
        yield "what was dropped on the way out counts as lost"
    if not 0.1 * total <= did["dropped"] <= 0.3 * total or not any(gone):
        yield "dropped is not a fifth"
    if did["copied"] == 0 or not near(result["duplicates"], did["copied"], 0.05 * total):
        yield "copies are not answered twice"
    if not near(did["delayed"], result["sent"], 0.05 * total):
        yield "not all are delayed"
    if result["reordered"] < 0.1 * total:
        yield "a jitter of 50 ms reorders nothing"
    if gone != again or gone == other:
        yield f"the seed does not decide: {gone[0]} {again[0]} {other[0]}"


def by_sound(program):
    """A server whose timestamps say nothing, as a bot's: each packet is known by its sound."""
    with Echo(delay=0.09, stamps="counter") as echo:
        result = load(program, echo.target, "--match", "audio", "--probe-every", 0)
    audio = result["audio"]
    p50 = audio["latency_us"]["p50"] / 1000
    print(f"by sound: sent {audio['sent']} returned {audio['returned']} lost {audio['lost']} p50 {p50:.1f} ms")
    if not near(audio["sent"], 300, LEGS) or audio["returned"] != audio["sent"]:
        yield "not all came back"
    if not 89 <= p50 <= 102:
        yield "p50 is not 90 ms"


def refused(program):
    """Legs whose packets the kernel refuses (broadcast): failures, and neither sent nor lost."""
    with Echo(legs=1) as echo:
        result = load(program, f"127.0.0.1:{echo.first}+0,{BROADCAST}:40000", legs=2)
    print(f"refused: sent {result['sent']} lost {result['lost']} "
          f"send_failures {result['send_failures']}")
    if not 70 <= result["sent"] <= 80:
        yield "sent is not one leg's"
    if result["lost"]:
        yield "refused packets count as lost"
    if not 70 <= result["send_failures"] <= 80:
        yield "send_failures is not one leg's"
