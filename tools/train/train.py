#!/usr/bin/env python3
"""Trains the small recurrent networks of the Detection room and writes their weights as Swift.

  train.py voice --scenes DIR [DIR …] --check DIR [DIR …] [--seeds 3] [--epochs 20]
  train.py beep  --scenes DIR [DIR …] --check DIR [DIR …]
  train.py answer --scenes DIR [DIR …] --check DIR [DIR …]

DIR is what scenes.py wrote, with the rows of tools/train/features beside the sounds. Of several seeds the one that does best
on the --check scenes is kept, as 8-bit weights; what the check printed is for the quantised network. `voice` steps each
20 ms over 18 band levels, the same over their floors (means of two hops), and the levels' change; `beep` steps each 10 ms
over whole rows, those only that beep_gate lets through, and has two outputs: a beep is sounding, a beep has just ended.
`answer` (scenes of kind answers) steps as `voice` does, begins with the voice network's weights (with --go-on: with its own), and
says whether a person speaks; it learns each opening in another voice, pace and line every time. Its two seeds are both kept: the
mean of their logarithms of the odds is what counts. Needs torch (CPU).
"""
import argparse
import base64
import json
import os
import pathlib
import re
import struct
import time

import numpy as np
import torch

COLUMNS, BANDS = 46, 18
TARGET = pathlib.Path(__file__).resolve().parent.parent.parent / "Sources" / "Detection" / "Data"
torch.set_num_threads(int(os.environ.get("TRAIN_THREADS", "1")))


# ---- scenes

def scenes(folders):
    """(facts, rows, speech, beep) of every scene."""
    for folder in folders:
        with open(folder + "/facts.jsonl") as file:
            for line in file:
                facts = json.loads(line)
                path = f"{folder}/{facts['id']}.raw.rows"
                rows = np.fromfile(path, np.float32).reshape(-1, COLUMNS)
                truth = np.load(f"{folder}/{facts['id']}.npz")
                n = min(len(rows), len(truth["speech"]))
                yield facts, rows[:n], truth["speech"][:n], truth["beep"][:n]


def voice_input(rows):
    """Two hops become one step: the means of 36 values, and what the 18 levels did."""
    pairs = rows[:len(rows) // 2 * 2, :2 * BANDS].reshape(-1, 2, 2 * BANDS)
    return np.concatenate([pairs.mean(1), (pairs[:, 1] - pairs[:, 0])[:, :BANDS]], 1)


def voice_target(speech):
    pairs = speech[:len(speech) // 2 * 2].reshape(-1, 2)
    target = pairs[:, 1].astype(np.float32)
    target[pairs[:, 0] != pairs[:, 1]] = -1
    return np.clip(target, 0, 1)[:, None], (target >= 0).astype(np.float32)[:, None]


def beep_gate(rows):
    """The hops the beep network hears: a steady line, or two, or one with harmonics, sounded within the last 160 ms
    (BeepDetector's own rule)."""
    hertz, share, second, harmonic = rows[:, 36] * 2000, rows[:, 37], rows[:, 40], rows[:, 44]
    level = rows[:, 42] * 20 - 40
    tonal = (hertz >= 360) & (hertz <= 3150) & (level > -56) & ((share + second >= 0.5) | (harmonic >= 0.5))
    tonal &= np.abs(np.diff(hertz, prepend=0)) < 75
    tonal &= np.concatenate(([False], tonal[:-1]))
    recent = np.convolve(tonal, np.ones(17), "full")[:len(rows)] > 0.5
    return np.flatnonzero(recent)


def beep_input(rows):
    """(hops, rows of them with the pause before each): the network's memory skips what the gate leaves out."""
    hops = beep_gate(rows)
    gap = np.minimum(np.diff(hops, prepend=-100) - 1, 100) / 100
    return hops, np.concatenate([rows[hops], gap[:, None].astype(np.float32)], 1)


def beep_target(beep):
    """Sounding: from 50 ms on. Ended: 20 to 130 ms after the end. Around the edges nobody insists."""
    sounding, ended = np.zeros(len(beep), np.float32), np.zeros(len(beep), np.float32)
    weight = np.ones(len(beep), np.float32)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], beep == 1, [0])).astype(int)))
    for start, end in zip(edges[::2], edges[1::2]):
        sounding[start + 5:end + 1], ended[end + 3:end + 13] = 1, 1
        weight[start:start + 7] = 0.2
        weight[start + 7:end], weight[end + 4:end + 12] = 2, 4
        weight[end:end + 4] = 0.2
    weight[np.convolve(beep == 2, np.ones(18), "full")[:len(beep)] > 0.5] = 0
    return np.stack([sounding, ended], 1), np.stack([weight, weight], 1)


def answer_target(facts, speech, beep, count):
    """Person or machine, from the first 120 ms of speech to 1.5 s after the greeting, or its beep; most of all in the pauses."""
    spoken = (speech[:2 * count] == 1).reshape(count, 2).any(1)
    said = np.cumsum(spoken) * 0.02
    pause = (np.arange(count) - np.maximum.accumulate(np.where(spoken, np.arange(count), -1))) * 0.02
    weight = np.where(said >= 0.12, np.where((pause >= 0.14) & (pause <= 1.3), 1.0, 0.3), 0)
    weight[int(facts["greeting"][1] / 160 + 75):] = 0
    beeps = np.flatnonzero(beep == 1)
    if len(beeps):
        weight[beeps[0] // 2:] = 0
    weight[said > 5] = 0
    last = np.flatnonzero(weight)
    last = last[-1] + 1 if len(last) else 0
    target = np.full((last, 1), float(facts["human"]), np.float32)
    return target, (weight[:last, None] * (1.2 if facts["human"] else 1)).astype(np.float32)


def in_another_voice(rng, x, y, w):
    """Steps of `voice_input` at another pace, from another vocal tract, over another line."""
    count = len(x)
    if rng.random() < 0.8 and count > 4:
        pace = rng.uniform(0.84, 1.2)
        at = np.minimum(np.arange(int(count / pace)) * pace, count - 1.001)
        low, part = at.astype(int), (at - at.astype(int)).astype(np.float32)[:, None]
        x = x[low] * (1 - part) + x[low + 1] * part
        x[:, 2 * BANDS:] *= min(pace, 1.1)
        nearest = np.round(at).astype(int)
        y, w = y[nearest], w[nearest]
    bands = np.arange(BANDS)
    if rng.random() < 0.8:
        at = np.clip((bands - 4) * rng.uniform(0.86, 1.16) + 4 + rng.uniform(-0.4, 0.4), 0, BANDS - 1.001)
        low, part = at.astype(int), (at - at.astype(int)).astype(np.float32)
        x = np.concatenate([x[:, first + low] * (1 - part) + x[:, first + low + 1] * part for first in (0, BANDS, 2 * BANDS)], 1)
    curve = sum(rng.normal(0, 0.25) * np.cos(np.pi * k * bands / (BANDS - 1)) for k in range(1, 5)).astype(np.float32)
    x = x.copy()
    x[:, :BANDS] += curve
    x[:, BANDS:2 * BANDS] += 0.3 * curve
    if rng.random() < 0.3:
        first = int(rng.integers(0, BANDS - 1))
        for block in (0, BANDS):
            x[:, block + first:block + first + 2] = x[:, block + first:block + first + 2].mean()
        x[:, 2 * BANDS + first:2 * BANDS + first + 2] = 0
    return x.astype(np.float32), y, w


# ---- the network

class Net(torch.nn.Module):
    def __init__(self, inputs, embedded, hidden, outputs):
        super().__init__()
        self.dense = torch.nn.Linear(inputs, embedded)
        self.unit = torch.nn.GRU(embedded, hidden, batch_first=True)
        self.head = torch.nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.head(self.unit(torch.relu(self.dense(x)))[0])


def fit(data, hidden, seed, epochs, steps, levels=slice(0, BANDS), embedded=None, batch=32, each=None,
        start=None, rate=4e-3):
    """`data`: (input, target, weight) a scene. Random cuts of `steps` steps, random level; most cuts of a scene that
    has something rare hold it. `levels`: the columns that move with the level; `each`: called with the network after every
    tenth epoch; `start`: a network to go on from."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    inputs, outputs = data[0][0].shape[1], data[0][1].shape[1]
    net = start or Net(inputs, embedded or hidden, hidden, outputs)
    rare = [np.flatnonzero(y[:, -1]) if 0 < y[:, -1].mean() < 0.1 else () for _, y, _ in data]
    optimiser = torch.optim.Adam(net.parameters(), rate)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * np.cos(np.pi * epoch / epochs)) + 1e-5
        order = np.concatenate([rng.permutation(len(data)) for _ in range(2)])
        for first in range(0, len(order), batch):
            x = np.zeros((batch, steps, inputs), np.float32)
            y, w = np.zeros((batch, steps, outputs), np.float32), np.zeros((batch, steps, outputs), np.float32)
            for slot, index in enumerate(order[first:first + batch]):
                a, b, c = data[index]
                last = max(0, len(a) - steps)
                start = int(rng.integers(0, last + 1))
                if len(rare[index]) and rng.random() < 0.8:
                    start = min(max(0, int(rng.choice(rare[index])) - int(rng.integers(20, steps - 20))), last)
                n = min(steps, len(a) - start)
                x[slot, :n], y[slot, :n], w[slot, :n] = a[start:start + n], b[start:start + n], c[start:start + n]
            x[:, :, levels] += rng.normal(0, 0.15, (batch, 1, 1))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                net(torch.tensor(x)), torch.tensor(y), weight=torch.tensor(w))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
        if each and epoch % 10 == 9:
            each(epoch + 1, net)
    return net


def fit_answer(data, seed, epochs, each, start=None, batch=32, rate=3e-3, drop=0.1):
    """Whole openings, each in another voice every time; batches of about one length. `start`: a network to go on from."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = start
    if net is None:
        net = read_swift("Voice")
        net.head = torch.nn.Linear(net.unit.hidden_size, 1)
    optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=1e-3)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * np.cos(np.pi * epoch / epochs)) + 1e-5
        order = np.argsort([len(x) + rng.integers(0, 80) for x, *_ in data])
        batches = [order[first:first + batch] for first in range(0, len(order), batch)]
        rng.shuffle(batches)
        for chosen in batches:
            parts = [in_another_voice(rng, *data[index]) for index in chosen]
            steps = max(len(x) for x, *_ in parts)
            x = np.zeros((len(parts), steps, 3 * BANDS), np.float32)
            y, w = np.zeros((len(parts), steps, 1), np.float32), np.zeros((len(parts), steps, 1), np.float32)
            for slot, (a, b, c) in enumerate(parts):
                x[slot, :len(a)], y[slot, :len(a)], w[slot, :len(a)] = a, b, c
            x[:, :, :BANDS] += rng.normal(0, 0.2, (len(parts), 1, 1))
            x += rng.normal(0, 0.05, x.shape)
            heard = net.unit(torch.relu(net.dense(torch.tensor(x))))[0]
            out, weight = net.head(torch.nn.functional.dropout(heard, drop)), torch.tensor(w)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(out, torch.tensor(y), reduction="none")
            loss = (loss * weight).sum() / weight.sum()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
        each(epoch + 1, net)
    return net


def layers(net):
    return [(net.dense.weight, net.dense.bias), (net.unit.weight_ih_l0, net.unit.bias_ih_l0),
            (net.unit.weight_hh_l0, net.unit.bias_hh_l0), (net.head.weight, net.head.bias)]


def quantise(net):
    """Rounds the weights of each row to 8 bits, in place; returns the bytes RecurrentWeights reads."""
    blob = struct.pack("<4H", net.dense.in_features, net.dense.out_features, net.unit.hidden_size, net.head.out_features)
    with torch.no_grad():
        for weight, bias in layers(net):
            for row in weight:
                scale = float(np.float32(max(float(row.abs().max()), 1e-9) / 127))
                whole = torch.clamp(torch.round(row / scale), -127, 127)
                row.copy_(whole * scale)
                blob += struct.pack("<f", scale) + whole.to(torch.int8).numpy().tobytes()
            blob += bias.numpy().astype("<f4").tobytes()
    return blob


def write_swift(name, blob, note):
    TARGET.mkdir(exist_ok=True)
    text = base64.b64encode(blob).decode()
    lines = "\\\n".join("        " + text[i:i + 88] for i in range(0, len(text), 88))
    (TARGET / f"{name}Weights.swift").write_text(
        f"// Written by tools/train/train.py; do not edit. Made for this project from its own scenes: Debian's recorded prompts\n"
        f"// (CC-BY-SA), music on hold and synthetic voices went through; no sound is in here. Licence: as the project.\n"
        + "".join(f"// {line}\n" for line in note.splitlines())
        + "// swift-format-ignore-file\n\n"
        f"extension TrainedWeights {{\n    static let {name[0].lower() + name[1:]}: String = \"\"\"\n{lines}\n        \"\"\"\n}}\n")


def read_swift(name):
    """The network that a file in Sources/Detection/Data holds."""
    text = (TARGET / f"{name}Weights.swift").read_text()
    blob = base64.b64decode(re.sub(r"[\s\\]", "", text.split('"""')[1]))
    net, place = Net(*struct.unpack_from("<4H", blob)), 8
    with torch.no_grad():
        for weight, bias in layers(net):
            rows, columns = weight.shape
            for row in range(rows):
                scale = np.float32(struct.unpack_from("<f", blob, place)[0])
                weight[row] = torch.tensor(np.frombuffer(blob, np.int8, columns, place + 4) * scale)
                place += 4 + columns
            bias.copy_(torch.tensor(np.frombuffer(blob, "<f4", rows, place)))
            place += 4 * rows
    return net


# ---- what the check says

def auc(score, truth):
    _, inverse, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[inverse]
    positive = truth.sum()
    return (rank[truth].sum() - positive * (positive + 1) / 2) / (positive * (~truth).sum())


def outputs_of(net, x):
    with torch.no_grad():
        return torch.sigmoid(net(torch.tensor(x)[None])[0]).numpy()


def check_voice(net, data):
    score = np.concatenate([outputs_of(net, x)[w[:, 0] > 0, 0] for x, _, w in data])
    truth = np.concatenate([y[w[:, 0] > 0, 0] > 0.5 for _, y, w in data])
    threshold = np.quantile(score[truth], 0.05)
    area, false = auc(score, truth), float((score[~truth] >= threshold).mean())
    return area, f"ROC area {area:.4f}, false positives at 95 % true {false:.3f} (threshold {threshold:.2f})"


def check_answer(net, data):
    """Steps in pauses, each judged for itself."""
    score = np.concatenate([outputs_of(net, x)[w[:, 0] >= 1, 0] for x, _, w in data])
    truth = np.concatenate([y[w[:, 0] >= 1, 0] > 0.5 for _, y, w in data])
    area = auc(score, truth)
    return area, f"person or machine, in the pauses of a greeting: ROC area {area:.4f}"


def beep_events(ended, hops, count, threshold, rest=30):
    """Hops at which `ended` passes the threshold, at most one in 300 ms."""
    whole = np.zeros(count, bool)
    whole[hops] = ended > threshold
    out, last = [], -10 ** 6
    for hop in np.flatnonzero(whole & ~np.concatenate(([False], whole[:-1]))):
        if hop - last >= rest:
            out.append(hop)
            last = hop
    return np.array(out, int)


def beep_score(net, data, threshold, detail=None):
    """(found, beeps, false, hours): a decision counts from the beep's start to 0.6 s after its end."""
    found = total = false = 0
    seconds = 0.0
    for hops, x, beep, facts in data:
        seconds += len(beep) / 100
        ended = outputs_of(net, x)[:, 1] if len(hops) else np.zeros(0)
        fired = beep_events(ended, hops, len(beep), threshold)
        used = np.zeros(len(fired), bool)
        for value in (2, 1):
            edges = np.flatnonzero(np.diff(np.concatenate(([0], beep == value, [0])).astype(int)))
            for start, end in zip(edges[::2], edges[1::2]):
                hit = (fired >= start - 2) & (fired <= end + 60)
                used |= hit
                if value == 1:
                    found, total = found + bool(hit.any()), total + 1
        false += int((~used).sum())
        if detail is not None:
            detail[facts["kind"]] = detail.get(facts["kind"], 0) + int((~used).sum())
    return found, total, false, seconds / 3600


def check_beep(net, data):
    """Of several thresholds the one with the best bargain; raw output, without the rules."""
    best = None
    for threshold in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95):
        detail = {}
        found, total, false, hours = beep_score(net, data, threshold, detail)
        value = found / max(total, 1) - false / hours / 1000
        words = f"threshold {threshold}: beeps found {found}/{total} ({found / max(total, 1):.3f}), false ones an hour {false / hours:.1f}"
        print("   ", words, {k: v for k, v in sorted(detail.items()) if v}, flush=True)
        if best is None or value > best[0]:
            best = value, words
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("voice", "beep", "answer"))
    parser.add_argument("--scenes", nargs="+", required=True)
    parser.add_argument("--check", nargs="+", required=True)
    parser.add_argument("--seeds", type=int, default=3, help="answer: 2")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--hidden", type=int, help="voice, beep")
    parser.add_argument("--go-on", action="store_true", help="voice, answer: go on from the weights in use, at a smaller rate")
    options = parser.parse_args()
    voice = options.task == "voice"
    if voice:
        make = lambda folders: [(voice_input(rows),) + voice_target(speech) for _, rows, speech, _ in scenes(folders)]
        check_data, check = make(options.check), check_voice
    elif options.task == "answer":
        def make(folders):
            out = []
            for facts, rows, speech, beep in scenes(folders):
                target, weight = answer_target(facts, speech, beep, len(rows) // 2)
                if len(target):
                    out.append((voice_input(rows)[:len(target)], target, weight))
            return out
        check_data, check = make(options.check), check_answer
    else:
        def make(folders):
            out = []
            for facts, rows, _, beep in scenes(folders):
                hops, x = beep_input(rows)
                target, weight = beep_target(beep)
                # Digits and rhythms are what the rules are for.
                weight = weight * {"dtmf": 0.1, "rhythm": 0.0}.get(facts["kind"], 1.0)
                if len(hops):
                    out.append((x, target[hops], weight[hops].astype(np.float32)))
            return out
        check_data = [beep_input(rows) + (beep, facts) for facts, rows, _, beep in scenes(options.check)
                      if facts["kind"] not in ("dtmf", "rhythm")]
        check = check_beep
    data = make(options.scenes)
    minutes = sum(len(x) for x, *_ in data) / (6000 if options.task == "beep" else 3000)
    best = None
    for seed in range(1, (2 if options.task == "answer" else options.seeds) + 1):
        began = time.time()
        look = lambda epoch, net: print(epoch, check(net, check_data[::4])[1], f"{time.time() - began:.0f} s", flush=True)
        if options.task == "answer":
            start = read_swift(f"Answer{seed}") if options.go_on else None
            net = fit_answer(data, seed, options.epochs, look, start, rate=1.5e-3 if start else 3e-3)
        elif voice:
            start = read_swift("Voice") if options.go_on else None
            net = fit(data, options.hidden or 64, seed, options.epochs, 250, start=start, rate=1.5e-3 if start else 4e-3)
        else:
            net = fit(data, options.hidden or 48, seed, options.epochs, 300, embedded=32, batch=64, each=look)
        blob = quantise(net)
        value, words = check(net, check_data)
        print(f"seed {seed}: {words}; {time.time() - began:.0f} s", flush=True)
        if options.task == "answer":
            write_swift(f"Answer{seed}", blob, f"{minutes:.0f} minutes of scenes, {options.epochs} epochs{' more' * options.go_on}.\n"
                        f"On scenes of other seeds: {words}.")
            continue
        if best is None or value > best[0]:
            best = (value, blob, words, seed)
    if best is None:
        return
    _, blob, words, seed = best
    write_swift(options.task.capitalize(), blob,
                f"{minutes:.0f} minutes of scenes, {options.epochs} epochs, best of {options.seeds} seeds ({seed}).\nOn scenes of other seeds: {words}.")
    print(f"{options.task}: {len(blob)} bytes, seed {seed}: {words}")


if __name__ == "__main__":
    main()
