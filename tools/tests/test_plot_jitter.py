"""tools/plot-jitter: a CSV of the jitter tool becomes a picture, and what is none is refused."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

TOOL = pathlib.Path(__file__).resolve().parent.parent / "plot-jitter"
HEAD = "time_ms,delay_ms,target_ms,lateness_ms,concealed,expanded,compressed\n"
SVG = "{http://www.w3.org/2000/svg}"


def rows(count):
    """Seconds of a delay that climbs from 20 to 60 ms; one frame in fifty is concealed."""
    lines = []
    for index in range(count):
        concealed = 160 if index % 50 == 49 else 0
        lines.append(f"{index * 20},{20 + 40 * index / count:.1f},40,{index % 7},{concealed},0,0\n")
    return "".join(lines)


class PlotJitterTests(unittest.TestCase):
    def plot(self, text, *arguments):
        return subprocess.run(
            [sys.executable, str(TOOL), "-", *arguments], input=text, capture_output=True, text=True,
            timeout=60, check=False)

    def test_the_picture_is_xml_with_both_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder) / "out.svg"
            done = self.plot(HEAD + rows(500), "-o", str(place), "--title", "a <b> & c")
            self.assertEqual(done.returncode, 0, done.stderr)
            root = xml.etree.ElementTree.parse(place).getroot()
            self.assertEqual(root.tag, SVG + "svg")
            lines = [line.get("points").split() for line in root.iter(SVG + "polyline")]
            self.assertEqual([len(points) for points in lines], [500, 500])
            # Each frame in fifty has a stripe below the plot.
            self.assertEqual(
                sum(part.get("fill") == "#e08e0b" for part in root.iter(SVG + "rect")), 10 + 1)
            self.assertIn("a <b> & c", "".join(root.itertext()))

    def test_a_part_of_the_time_is_drawn(self):
        done = self.plot(HEAD + rows(500), "--from", "2", "--to", "3")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_is_no_such_table_is_refused_in_words(self):
        for text, word in [
                ("time_ms,delay_ms\n1,2\n", "no column"), (HEAD + "1,x,1,1,0,0,0\n", "not numbers"),
                (HEAD + ",1,1,1,0,0,0\n", "no time"), (HEAD, "no rows")]:
            done = self.plot(text)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
