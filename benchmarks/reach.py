"""Why a class is not reached: what listeners hear in the real thing, and before any dream.

Of whistling and shots, with BirdNET (see ``birdnet.py``) and YAMNet, at 48 kHz:

1. a recorded whistle over other sounds, at several levels: is a dream masked by its source?
2. pink noise through the filter of a recorded whistle, on several grids: is the grid too coarse?
3. bursts of pink noise with fast and slow attacks and decays: what makes a shot?
4. beds over noise and drums, not dreamed: what is in the bed already?

``python benchmarks/reach.py`` prints a line for each.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
from birdnet import NOT_SPECIES, BirdNet
from transfer import RATE_HZ, Sound, sources

from dreamsound_studio.api import listen, load_model
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.materials import MATERIALS
from dreamsound_studio.dsp.gain_grid import GainGrids
from dreamsound_studio.dsp.stft import Stft, overlap_add, power_spectrum
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.gain_grids import parse_grids

LEVELS_DB = (20, 0, -10)
GRIDS = ("48x64ms", "192x16ms", "binsx64ms", "binsx16ms")
DEPTH_DB = 60.0
TOP_HZ = 7500.0
RMS = 0.1
CLASSES = ("Whistling", "Gunshot, gunfire")
#: Attacks and decays of bursts, s, and the time between two.
ATTACKS_S, DECAYS_S, BURST_S = (0.0003, 0.02), (0.05, 0.2), 0.66


class Listeners:
    """BirdNET and YAMNet."""

    def __init__(self) -> None:
        self.birdnet = BirdNet()
        self.yamnet: Model = load_model("yamnet")

    def heard(self, sound: Sound, name: str) -> str:
        """Return what both make of a sound, for a line."""
        index = self.yamnet.table.find_class(name)
        score = listen(sound, RATE_HZ, model=self.yamnet).of(index).mean
        scores = self.birdnet.scores(sound, RATE_HZ)
        columns = [self.birdnet.labels.index(label) for label in NOT_SPECIES[name]]
        mine = scores[:, columns].max(axis=1)
        logit = float(np.mean(np.log(mine / (1 - mine))))
        return f"{name}: BirdNET {mine.mean():.2f} (logit {logit:.1f}), YAMNet {score:.2f}"


def levelled(sound: Sound) -> Sound:
    """Return a sound at one RMS."""
    return np.asarray(RMS * sound / np.sqrt(np.mean(sound**2)), np.float32)


def through_filter_of(wanted: Sound, sound: Sound, grid: str) -> Sound:
    """Return a sound through a filter that gives it another's power in each cell of a grid."""
    stft = Stft(2048, 512)
    length = sound.shape[1]
    frames = stft.frame_count(length)
    span = stft.sample_range(0, frames)
    spectra, aim = (stft.forward(Samples.of(one).read(*span)) for one in (sound, wanted))
    grids = GainGrids(parse_grids(grid), stft, RATE_HZ, length, TOP_HZ, DEPTH_DB)
    flat = grids.gains(grids.zeros(), 0, frames)

    def cells(by_bin: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        (first, values), *_ = grids.adjoint(by_bin, flat, 0)
        out = np.zeros(grids.shapes[0])
        out[first : first + len(values)] = values
        return out

    asked, has = (cells(power_spectrum(one)[0].astype(np.float32)) for one in (aim, spectra))
    gain_db = 10 * np.log10((asked + 1e-9 * asked.max()) / (has + 1e-9 * has.max()))
    # The loudest cell is raised by 10 dB: the depth leaves the rest to be cut.
    gain_db += 10 - gain_db.max()
    u = DEPTH_DB * np.arctanh(np.clip(gain_db / DEPTH_DB, -0.999, 0.999))
    shaped = spectra * grids.gains([u.astype(np.float32)], 0, frames).linear
    out = np.zeros((1, length), np.float32)
    for start, block in overlap_add(stft, iter([stft.inverse(shaped)]), frames):
        begin, end = max(start, 0), min(start + block.shape[1], length)
        out[:, begin:end] = block[:, begin - start : end - start]
    return levelled(out)


def bursts(noise: Sound, attack_s: float, decay_s: float) -> Sound:
    """Return noise that swells exponentially within an attack, and decays as exponentially."""
    seconds = np.arange(noise.shape[1]) / RATE_HZ
    level = np.zeros(len(seconds))
    for start in np.arange(0.3, seconds[-1] - 0.5, BURST_S):
        after = seconds - start
        rising = np.exp(np.minimum(after, 0) / (attack_s / 3))
        level += np.where(after < 0, rising, np.exp(-np.maximum(after, 0) / decay_s))
    return levelled((noise * level).astype(np.float32))


def bed(name: str, count: int) -> Sound:
    """Return a material, ``[1, count]``."""
    blocks = MATERIALS[name](np.random.default_rng(0), count, RATE_HZ)
    return levelled(np.concatenate([block for _, block in blocks])[None])


def main() -> None:
    """Print all four."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    ears = Listeners()
    found = {name: levelled(sound) for name, sound in sources().items()}
    whistle = found.pop("whistle")
    print("whistle alone,", ears.heard(whistle, "Whistling"))
    for source, sound in found.items():
        for level_db in LEVELS_DB:
            mixed = (10 ** (level_db / 20) * whistle + sound).astype(np.float32)
            print(f"whistle at {level_db:+} dB re. {source},", ears.heard(mixed, "Whistling"))
    for grid in GRIDS:
        made = through_filter_of(whistle, found["pink"], grid)
        print(f"pink noise filtered as the whistle, {grid},", ears.heard(made, "Whistling"))
    for attack_s in ATTACKS_S:
        for decay_s in DECAYS_S:
            made = bursts(found["pink"], attack_s, decay_s)
            times = f"attack {attack_s * 1000:g} ms, decay {decay_s * 1000:g} ms"
            print(f"bursts, {times},", ears.heard(made, "Gunshot, gunfire"))
    for name in MATERIALS:
        sound = bed(name, whistle.shape[1])
        for source in ("", "pink", "drums", "speech"):
            mixed = sound + found[source] if source else sound
            heard = "; ".join(ears.heard(mixed, one) for one in CLASSES)
            print(f"{name}{' over ' + source if source else ''}, not dreamed,", heard, flush=True)


if __name__ == "__main__":
    main()
