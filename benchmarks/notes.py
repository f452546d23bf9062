"""How clearly notes are heard in a noise and in drums that dream of them, for ``docs/sculpt.md``.

Four seconds of pink noise and of the drum break, dreamed by default toward A4, and toward A3, C4
and E4 (``Am``): the mean posterior of the wanted notes and of the other keys, the share of the
energy at the notes' partials, and how many of the source's onsets the dream keeps. ``--variants``
tries other settings, ``--others`` other weights of the silence of the other keys.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sounds import test_sounds
from transfer import pink

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream import notes
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.guide import LayerTap
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.pitches import LOWEST, keys_of_chord
from dreamsound_studio.models.network import Model

Sound = npt.NDArray[np.float32]

SECONDS, RATE_HZ = 4.0, 48_000
CHORDS = ("A4", "A3 C4 E4")
#: Fields in place of the defaults toward notes (`recipe.method_table.SCULPT_NOTES`).
NO_BAND = 20_000.0
FIRST: dict[str, object] = {"gain_grid": "binsx32ms", "band_high_hz": NO_BAND, "pull": 0.005}
SLOWER: dict[str, object] = {"rate_db": 3.0, "gain_grid": "binsx128ms"}
VARIANTS: tuple[dict[str, object], ...] = (
    {"band_high_hz": NO_BAND},
    {"band_high_hz": NO_BAND, "fft_size": 2048},
    FIRST | {"rate_db": 0.9, "listens": 2},
    FIRST | {"rate_db": 2.5},
    FIRST | {"rate_db": 2.5, "gain_grid": "binsx250ms"},
    {"rate_db": 3.0, "gain_grid": "binsx250ms"},
    SLOWER | {"follow_envelope": 1.0},
    {"rate_db": 3.0, "gain_grid": "binsx250ms", "bed": "none"},
    {"rate_db": 1.5, "band_high_hz": 2500.0, "follow_envelope": 1.0},
)
OTHERS = (0.0, 0.1, 0.3, 1.0)
#: Partials of a note that count, and how far off they may lie, in semitones.
PARTIALS, REACH = 8, 0.35
ONSET_S = 0.02
FLUX_HOP_S = 0.004
#: Of an onset: the softest level that counts re. the mean power, and how far its flux stands out.
FLOOR, SHARE = 1e-3, 0.2


@dataclass(frozen=True)
class Measured:
    """What is measured of a sound.

    Attributes
    ----------
    wanted, others : float
        Mean posterior of the wanted keys and of the others, 0..1.
    partials_db : float
        Energy at the wanted notes' partials re. all of it.
    onsets : numpy.ndarray
        Times of onsets, seconds.
    """

    wanted: float
    others: float
    partials_db: float
    onsets: npt.NDArray[np.float64]


def main() -> None:
    """Print the table."""
    model = load_model("basic-pitch")
    variants = VARIANTS if "--variants" in sys.argv else ({},)
    weights = OTHERS if "--others" in sys.argv else (notes.OTHERS_WEIGHT,)
    print(
        "| sound | toward | posterior | of other keys | partials, dB | onsets kept | s | settings |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for fields in variants:
        for weight in weights:
            notes.OTHERS_WEIGHT = weight
            for name, clip in sources().items():
                for chord in CHORDS:
                    measure(name, clip, chord, model, fields, weight)


def sources() -> dict[str, Clip]:
    """Return four seconds of pink noise and of the drum break."""
    count = round(SECONDS * RATE_HZ)
    drums = test_sounds()["drums"]
    length = min(drums.samples.length, round(SECONDS * drums.sample_rate_hz))
    return {
        "pink": Clip.from_array(pink(count), RATE_HZ),
        "drums": Clip.from_array(drums.samples.read(0, length).copy(), drums.sample_rate_hz),
    }


def measure(
    name: str, clip: Clip, chord: str, model: Model, fields: dict[str, object], weight: float
) -> None:
    """Dream, and print a row of the table."""
    keys = keys_of_chord(chord)
    began_s = time.perf_counter()
    dreamed = dream(clip, model=model, objective=f'chord:"{chord}"', **fields)
    seconds = time.perf_counter() - began_s
    sounds = clip.samples.array(), dreamed.render("dream")
    before, after = (heard_in(sound, clip.sample_rate_hz, model, keys) for sound in sounds)
    kept = "-"
    if name != "pink":
        kept = f"{share_kept(before.onsets, after.onsets):.0%} of {len(before.onsets)}"
    settings = ", ".join(f"`{field}={value}`" for field, value in fields.items()) or "default"
    if weight != 0.3:
        settings += f", others {weight:g}"
    print(
        f"| {name} | {chord} | {before.wanted:.2f} to {after.wanted:.2f} "
        f"| {before.others:.2f} to {after.others:.2f} "
        f"| {before.partials_db:.1f} to {after.partials_db:.1f} | {kept} | {seconds:.0f} "
        f"| {settings} |",
        flush=True,
    )


def heard_in(sound: Sound, rate_hz: int, model: Model, keys: tuple[int, ...]) -> Measured:
    """Measure a sound ``[channels, samples]`` by its wanted keys, MIDI numbers."""
    posteriors = posteriors_of(sound, rate_hz, model)
    wanted = np.zeros(posteriors.shape[1], bool)
    wanted[[key - LOWEST for key in keys]] = True
    mono = sound.mean(axis=0)
    return Measured(
        float(posteriors[:, wanted].mean()),
        float(posteriors[:, ~wanted].mean()),
        partials_db(mono, rate_hz, keys),
        onsets_of(mono, rate_hz),
    )


def posteriors_of(sound: Sound, rate_hz: int, model: Model) -> npt.NDArray[np.float64]:
    """Return the posteriors of all frames inside the sound, ``[frames, 88]``; overlaps averaged."""
    clip = Clip.from_array(sound, rate_hz)
    ear = Ear(model, LayerTap("note"), rate_hz, hop_frames=model.published_hop_frames)
    grid = ear.grid(clip.samples.length, None)
    values = ear.values(Mono(clip.samples), grid)
    first = grid.first // model.frame_hop_samples
    total = -(-grid.length // model.frame_hop_samples)
    summed, count = np.zeros((total, values.shape[2])), np.zeros((total, 1))
    for patch, frames in enumerate(values):
        start = first + patch * grid.hop // model.frame_hop_samples
        low, high = max(start, 0), min(start + len(frames), total)
        summed[low:high] += frames[low - start : high - start]
        count[low:high] += 1
    return np.asarray(summed / count)


def partials_db(mono: Sound, rate_hz: int, keys: tuple[int, ...]) -> float:
    """Return the energy near the partials of keys re. all energy, dB."""
    power = np.abs(np.fft.rfft(mono * np.hanning(len(mono)))) ** 2
    hertz = np.fft.rfftfreq(len(mono), 1 / rate_hz)
    near = np.zeros(len(power), bool)
    for key in keys:
        for partial in range(1, PARTIALS + 1):
            middle = partial * 440 * 2 ** ((key - 69) / 12)
            near |= np.abs(12 * np.log2(np.maximum(hertz, 1) / middle)) < REACH
    return float(10 * np.log10(power[near].sum() / power.sum()))


def flux_of(mono: Sound, rate_hz: int) -> npt.NDArray[np.float64]:
    """Return the spectral flux of every `FLUX_HOP_S`, dB.

    Frames of about 21 ms; the flux is the mean rise of the level over two hops in all bins of the
    STFT up to 16 kHz, in dB above `FLOOR` times the mean power.
    """
    size, hop = round(rate_hz * 0.0213), round(rate_hz * FLUX_HOP_S)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(mono, size // 2), size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2
    power = power[:, np.fft.rfftfreq(size, 1 / rate_hz) <= 16_000]
    level = 10 * np.log10(np.maximum(power, FLOOR * power.mean()))
    return np.asarray(np.maximum(level[2:] - level[:-2], 0).mean(axis=1))


def onsets_of(mono: Sound, rate_hz: int) -> npt.NDArray[np.float64]:
    """Return the times of onsets in seconds: peaks of the spectral flux.

    A peak counts where it is the highest within 50 ms, and `SHARE` of the highest of all above the
    median of the 200 ms around it. A steady chord added to the drum break, as loud as it is, hides
    none of its onsets.

    References
    ----------
    .. [1] S. Dixon, "Onset detection revisited", DAFx 2006.
    """
    flux = flux_of(mono, rate_hz)
    near, around = round(0.05 / FLUX_HOP_S), round(0.1 / FLUX_HOP_S)
    found = []
    for index in range(len(flux)):
        peak = flux[max(index - near, 0) : index + near + 1]
        floor = np.median(flux[max(index - around, 0) : index + around + 1])
        if flux[index] == peak.max() and flux[index] > floor + SHARE * flux.max():
            found.append((index + 1) * round(rate_hz * FLUX_HOP_S) / rate_hz)
    return np.array(found)


def share_kept(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> float:
    """Return the share of onsets that have one within 20 ms afterwards."""
    if not len(before) or not len(after):
        return 0.0
    nearest = np.abs(before[:, None] - after[None]).min(axis=1)
    return float(np.mean(nearest <= ONSET_S))


if __name__ == "__main__":
    main()
