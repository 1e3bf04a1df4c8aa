"""What tools/corpus builds: the same bytes again, and sound that is what the truth says."""

import hashlib
import json
import pathlib
import subprocess
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent
PYTHON = TOOLS.parent / "var" / "eval" / "venv" / "bin" / "python"


def run(script):
    """The last line that `script` prints, as JSON."""
    done = subprocess.run(
        [PYTHON, "-c", script],
        capture_output=True,
        text=True,
        cwd=TOOLS.parent,
        env={"PYTHONPATH": str(TOOLS), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


@unittest.skipUnless(PYTHON.exists(), "no venv in var/eval: tools/corpus/setup")
class Corpus(unittest.TestCase):
    def test_same_seed_same_bytes_and_another_seed_others(self):
        def digest(seed):
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run(
                    [
                        TOOLS / "corpus" / "build",
                        "voice",
                        folder,
                        "--clips",
                        "2",
                        "--seconds",
                        "3",
                        "--seed",
                        str(seed),
                    ],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                files = sorted(pathlib.Path(folder).rglob("*.*"))
                self.assertEqual(len(files), 4)
                return [
                    hashlib.sha256(f.read_bytes()).hexdigest()
                    for f in files
                    if f.name != "corpus.json"
                ]

        first = digest(1)
        self.assertEqual(first, digest(1))
        self.assertNotEqual(first, digest(2))

    def test_sound_is_what_the_truth_says(self):
        found = run("""
import json
import numpy as np
from callees import g711
from corpus import audio, lines, tones
out = {"peaks": {}, "levels": {}}
for kind in ("single", "known", "harmonic", "high", "low", "long", "short"):
    x, facts = tones.beep(np.random.default_rng([5, len(kind)]), kind)
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), 65536))
    out["peaks"][kind] = abs(float(power.argmax()) * 8000 / 65536 - facts["freqs"][0])
    out["levels"][kind] = abs(20 * np.log10(np.sqrt(np.mean(x ** 2))) - facts["level_dbfs"])
values = np.arange(-32768, 32768, 7)
ours = lines.g711(values / 32768, "u") * 32768
theirs = np.array(g711.decode(g711.encode(values.tolist())))
out["law"] = float(np.mean(ours == theirs))
talk = np.zeros(8000)
talk[2000:4000] = 0.3 * np.sin(np.arange(2000))
talk[5600:6400] = 0.3 * np.sin(np.arange(800))
out["spans"] = audio.speech_spans(talk)
lost = lines.lossy(np.ones(160 * 5000), 0.05, np.random.default_rng(1), "zero")
out["loss"] = float(1 - lost.mean())
print(json.dumps(out))
""")
        for kind, off in found["peaks"].items():
            self.assertLess(off, 8 if kind == "short" else 2, kind)
        for kind, off in found["levels"].items():
            self.assertLess(off, 0.5, kind)
        self.assertGreater(found["law"], 0.97)
        # 20 ms of smoothing on each side of what sounds.
        self.assertEqual(
            [[round(t, 2) for t in span] for span in found["spans"]], [[0.24, 0.51], [0.69, 0.81]]
        )
        self.assertAlmostEqual(found["loss"], 0.05, delta=0.01)


if __name__ == "__main__":
    unittest.main()
