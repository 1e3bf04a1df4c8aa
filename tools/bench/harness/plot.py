"""Lines over the number of calls, as SVG. Python's standard library only."""

import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP = 900, 640, 70, 20, 40, 70
COLOURS = ["#1f5fa8", "#c0392b", "#2e8b57", "#7d3c98", "#e08e0b", "#444444"]


def ticks(top, count=6):
    """Round values from 0 to at least `top`."""
    raw = max(top, 1e-9) / count
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    return [step * number for number in range(math.ceil(top / step) + 1)]


def decades(low, high):
    """Powers of ten around what is above 0."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0 ** power for power in range(first, max(last, first + 1) + 1)]


def panel(top, height, title, series, marks_x, scale):
    """One diagram: [(name, [(x, y)])], axis marks in `scale`; y is linear unless all marks are
    powers of ten apart."""
    logarithmic = scale[0] > 0
    right = max(marks_x)

    def x(value):
        return LEFT + value / right * (WIDTH - LEFT - RIGHT)

    def y(value):
        if logarithmic:
            low, high = math.log10(scale[0]), math.log10(scale[-1])
            part = (math.log10(max(value, scale[0])) - low) / (high - low)
        else:
            part = value / scale[-1]
        return top + height * (1 - min(1.0, part))

    out = [f'<text x="{LEFT}" y="{top - 10}" font-size="14">{html.escape(title)}</text>']
    for mark in scale:
        out.append(f'<path d="M{LEFT} {y(mark):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>')
    for mark in marks_x:
        out.append(f'<path d="M{x(mark):.1f} {top}v{height}" stroke="#eee"/>')
        out.append(f'<text x="{x(mark):.1f}" y="{top + height + 16}" text-anchor="middle">{mark:g}'
                   '</text>')
    for number, (_, points) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>'
                for a, b in points]
    return out


def draw(cost, latency):
    """Two diagrams over calls: per cent of a core, and added p99 in ms (log scale).

    Both are [(name, [(calls, value)])] with the same names in the same order.
    """
    calls = [a for _, points in cost + latency for a, _ in points]
    if not calls:
        raise ValueError("nothing to draw")
    marks_x = ticks(max(calls), 10)
    height = (HEIGHT - TOP - 2 * GAP - 30) // 2
    used = [b for _, points in cost for _, b in points]
    waited = [b for _, points in latency for _, b in points if b > 0] or [1.0]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    out += panel(TOP, height, "CPU, per cent of one core", cost, marks_x, ticks(max(used)))
    out += panel(TOP + height + GAP, height, "added p99, ms", latency, marks_x,
                 decades(min(waited), max(waited)))
    out.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 36}" text-anchor="end">calls</text>')
    place = LEFT
    for number, (name, _) in enumerate(cost):
        colour = COLOURS[number % len(COLOURS)]
        out.append(f'<rect x="{place}" y="{HEIGHT - 22}" width="10" height="10" fill="{colour}"/>')
        out.append(f'<text x="{place + 14}" y="{HEIGHT - 13}">{html.escape(name)}</text>')
        place += 34 + 7 * len(name)
    return "\n".join(out + ["</svg>", ""])
