"""The samples of each render, at its level."""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Iterator

import numpy as np

from dreamsound_studio.audio.channels import spread
from dreamsound_studio.audio.formats import FORMAT_BITS, LOSSY, Bits, Rounding
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.filter import FilterJob, HardCut, air_of_step
from dreamsound_studio.dream.mono import heard_channel
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.dsp.levels import (
    LevelKind,
    LevelReading,
    db,
    from_db,
    match_gain_db,
    measure_level,
    peak_safe_gain_db,
    true_peak,
)
from dreamsound_studio.dsp.limiter import limit
from dreamsound_studio.recipe.automation import Automation
from dreamsound_studio.render.level_notes import CEILING_DBTP, LevelChanges
from dreamsound_studio.render.options import RENDERS, RenderOptions
from dreamsound_studio.render.reach import Reach

#: Peaks are limited by up to this; what is more lowers a render as a whole, dB.
MOST_LIMITING_DB = 6.0
#: The same of a dream that a filter remade: it sharpens attacks, and what was sharp already would
#: come out much softer than the source.
MOST_LIMITING_LEARNED_DB = 18.0
#: How near a limited dream comes to the source's loudness, dB, in up to so many rounds.
NEAR_DB, ROUNDS = 0.3, 4
#: Most gain, up or down, of a part of the sound that makes the whole as loud as the source, dB.
MOST_OF_PART_DB = 12.0


class RenderMixer:
    """Produces each render's samples at its level.

    Parameters
    ----------
    dream : RawDream
        The finished dream; it stays open.
    options : RenderOptions
        How its renders are written.
    bits : {"16", "24", "32f"}
        Sample format of the files.
    notes : list of str
        Receives messages about the renders' formats.

    Attributes
    ----------
    changes : LevelChanges
        How the peaks and levels changed of the renders so far.
    dream_gain_db : float
        The dream's gain; renders without a level of their own share it.
    """

    def __init__(
        self, dream: RawDream, options: RenderOptions, bits: Bits, notes: list[str]
    ) -> None:
        self._dream = dream
        self._raw = options.level == "raw"
        self._limits = options.limit == "on"
        self.changes = LevelChanges()
        self._channel = heard_channel(dream.source)
        # A lossy format loses more than rounding would, so there is no rounding before it.
        self._bits: Bits = "32f" if options.format in LOSSY else bits
        self._notes = notes
        self._made: dict[str, Samples] = {}
        self._gains: dict[str, float] = {}
        #: Renders that already have their gain, because it is not one number over all of them.
        self._finished: dict[str, Samples] = {}
        self._reach = Reach(dream.recipe, dream.source.sample_rate_hz)
        self._source_level = self._level(dream.source.samples, None)
        self.dream_gain_db = self._gain("dream")

    def bits_of(self, name: str, file_format: str, bits: Bits) -> Bits:
        """Return the bits that a render needs: a difference beyond full scale must be float."""
        if name != "difference" or bits == "32f":
            return bits
        peak = max((float(np.max(np.abs(b))) for b in self.blocks(name)), default=0.0)
        if peak < 1.0:
            return bits
        floating = "32f" in FORMAT_BITS.get(file_format, ())
        kind = "32-bit float" if floating else "a 32-bit float wav"
        self._notes.append(f"difference peaks at {peak:.2f} of full scale; written as {kind}")
        return "32f"

    def blocks(self, name: str) -> Iterator[FloatArray]:
        """Yield a render's samples ``[channels, n]``, at its level."""
        if name == "difference":
            source = _only(self._dream.source.samples)
            for block, dreamed in zip(source, self.blocks("dream"), strict=True):
                yield dreamed - block
            return
        gain = np.float32(from_db(self._gain(name)))
        if name in self._finished:
            gain = np.float32(1)
        samples = self._finished.get(name) or self._samples(name)
        channels = self._dream.source.channels
        # One dither for all: a signal that appears in two renders is stored identically.
        stored = Rounding(self._bits)
        for _, block in samples.blocks():
            scaled = block * gain
            yield stored(spread(scaled, channels, self._channel))

    def close(self) -> None:
        """Release the scratch files of the renders made here."""
        for samples in (*self._made.values(), *self._finished.values()):
            samples.close()

    def _gain(self, name: str) -> float:
        """Return a render's gain in dB, computed once."""
        if self._raw:
            return 0.0
        if name not in self._gains:
            if name.startswith("dream") and not self._reach.is_everywhere:
                self._gains[name] = self._level_part(name)
                return self._gains[name]
            samples = self._samples(name)
            row = RENDERS.get(name)
            if row is not None and row.level == "source":
                wanted = self._matching_gain_db(samples, row.most_gain_db)
                most_db = math.inf if row.most_gain_db is None else row.most_gain_db
            else:
                wanted = most_db = self.dream_gain_db
            gain, lowered = peak_safe_gain_db(wanted, self._peak(samples), CEILING_DBTP)
            if lowered > 0 and self._limits:
                most_db = min(most_db, gain + self._most_limiting_db(name))
                gain = self._limit(name, wanted, most_db)
            elif lowered > 0:
                self.changes.softer_db[name] = lowered
            self._gains[name] = gain
        return self._gains[name]

    def _most_limiting_db(self, name: str) -> float:
        remade = self._dream.learned is not None and name.startswith("dream")
        return MOST_LIMITING_LEARNED_DB if remade else MOST_LIMITING_DB

    def _limit(self, name: str, wanted_db: float, most_db: float) -> float:
        """Give a render a gain and limit its peaks; return the gain in dB.

        It is raised, to `most_db` at most, by what limiting takes from its loudness.
        """
        rate, samples = self._dream.source.sample_rate_hz, self._samples(name)
        gain_db, ceiling = min(wanted_db, most_db), from_db(CEILING_DBTP)
        limited = Samples(samples.channels, samples.length)
        for _ in range(ROUNDS):
            least = limit(samples, from_db(gain_db), ceiling, rate, limited)
            if gain_db >= most_db:
                break
            missing = self._matching_gain_db(limited, None)
            if missing < NEAR_DB:
                break
            gain_db = min(gain_db + missing, most_db)
        lowered = self._finish(name, limited)
        self.changes.limited_db[name] = -db(least)
        self.changes.softer_db[name] = self._missing(name, limited, wanted_db - gain_db + lowered)
        return gain_db

    def _missing(self, name: str, made: Samples, lowered_db: float) -> float:
        """Return by how much a render is softer than it should be, dB, 0 or more."""
        row = RENDERS.get(name)
        if row is not None and row.level == "source":
            lowered_db = self._matching_gain_db(made, None)
        return max(lowered_db, 0.0)

    def _level_part(self, name: str) -> float:
        """Make a dream as loud as the source where it may differ from it; return that gain in dB.

        With a gain over all of it, the sound would change outside the band, and jump at the ends of
        a span that fades.
        """
        samples, limits = self._samples(name), self._limits
        part = self._reach.part(samples)
        levelled = Samples(samples.channels, samples.length)
        gain_db = 0.0 if name == "dream" else self.dream_gain_db
        least = 1.0
        for _ in range(2 * ROUNDS):
            self._reach.amplify(samples, part, gain_db, levelled)
            if limits:
                _lower(levelled, self._peak(levelled), CEILING_DBTP + self._most_limiting_db(name))
                least = self._reach.limit(levelled, from_db(CEILING_DBTP))
            missing = self._matching_gain_db(levelled, None)
            following = max(-MOST_OF_PART_DB, min(gain_db + missing, MOST_OF_PART_DB))
            if abs(missing) < NEAR_DB or following == gain_db or name != "dream":
                break
            gain_db = following
        part.close()
        if least < 1:
            self.changes.limited_db[name] = -db(least)
        lowered = self._finish(name, levelled)
        if lowered > 0 or least < 1:
            self.changes.softer_db[name] = self._missing(name, levelled, lowered)
        return gain_db

    def _finish(self, name: str, levelled: Samples) -> float:
        """Keep a render that has its gain, its peak under the ceiling; return the decrease, dB."""
        self._finished[name] = levelled
        return _lower(levelled, self._peak(levelled), CEILING_DBTP)

    def _peak(self, samples: Samples) -> float:
        return true_peak(_only(samples), self._dream.source.sample_rate_hz, samples.channels)

    def _matching_gain_db(self, samples: Samples, limit_db: float | None) -> float:
        """Return the gain that brings `samples` to the source's level."""
        reference = self._source_level
        reading = self._level(samples, reference.kind)
        if reading.value_db == -math.inf:
            # Below the loudness gates, measure both by RMS, which always gives a value.
            reference = self._level(self._dream.source.samples, "rms")
            reading = self._level(samples, "rms")
        return match_gain_db(reference, reading, limit_db)

    def _level(self, samples: Samples, kind: LevelKind | None) -> LevelReading:
        source = self._dream.source
        blocks = _only(samples)
        if samples.channels < source.channels:
            # A signal shared by all channels sounds from each of them, or from the one heard.
            blocks = (spread(block, source.channels, self._channel) for block in blocks)
        return measure_level(blocks, source.sample_rate_hz, source.channels, kind)

    def _samples(self, name: str) -> Samples:
        dream = self._dream
        if name == "dream":
            return dream.samples
        if name == "gradient":
            return dream.gradient
        if name.startswith("dream_step"):
            return dream.kept[int(name.removeprefix("dream_step"))]
        if name not in self._made:
            self._made[name] = pkgutil.resolve_name(str(RENDERS[name].make))(dream)
        return self._made[name]


def hardcut(dream: RawDream) -> Samples:
    """Return the filter of a dream's last step made audible; see :func:`filter_render`."""
    return filter_render(dream, "hardcut") if dream.learned is None else dream.learned.hardcut()


def filtered(dream: RawDream) -> Samples:
    """Return what the filter of a dream's last step lets through; see :func:`filter_render`."""
    return filter_render(dream, "filtered") if dream.learned is None else dream.learned.filtered()


def filter_render(dream: RawDream, name: str) -> Samples:
    """Make the `hardcut` or `filtered` render from a dream's last step.

    Parameters
    ----------
    dream : RawDream
        The dream. With `add`, the loop has no filter: both are then made as `filter` makes them,
        from the last gradient and the source.
    name : {"hardcut", "filtered"}
        ``S^-1(H . phase of the carrier)``, or ``S^-1(H . S carrier)``, the latter as added.

    Returns
    -------
    Samples
        ``[channels, length]``, raw.
    """
    recipe = dream.recipe
    mask_from, carrier, combine = recipe.mask_from, recipe.carrier, recipe.combine
    entering = dream.entering
    if mask_from == "none":
        mask_from, carrier, combine = "gradient", "input", "replace"
        entering = dream.source.samples
    targets = dream.targets
    named = {"gradient": dream.gradient, "input": entering, "target": targets.first or entering}
    unit = name == "hardcut"
    shaped = recipe.model_copy(update={"carrier": carrier, "combine": combine})
    # Without the source's own magnitudes, kept air would become hiss in the hardcut.
    air = "filter" if recipe.air == "mask" else "cut" if unit else air_of_step(shaped)
    rate = dream.source.sample_rate_hz
    cut = HardCut(shaped, rate, dream.band_top_hz)
    shift = Automation.of(recipe, rate).threshold_shift(len(dream.steps), cut.stft)
    mask_source = named[str(mask_from)]
    named["target"] = targets.carrier or entering
    morphing = targets.morphing(shaped, cut.stft, rate)
    job = FilterJob(mask_source, named[str(carrier)], air, entering, unit, shift, **morphing)
    out = Samples(dream.source.channels, dream.source.samples.length)
    cut.run(job, out)
    only = heard_channel(dream.source)
    if only is not None and carrier == "gradient" and dream.gradient.channels < out.channels:
        for start, block in out.blocks():
            out.write(start, spread(block[[only]], out.channels, only))
    if not unit and combine == "add":
        for start, block in out.blocks():
            out.write(start, block * np.float32(dream.scale))
    return out


def _lower(samples: Samples, peak: float, ceiling_dbtp: float) -> float:
    """Lower a sound of a true peak until it meets a ceiling; return by how much, dB."""
    gain_db, lowered = peak_safe_gain_db(0.0, peak, ceiling_dbtp)
    if lowered > 0:
        for start, block in samples.blocks():
            samples.write(start, block * np.float32(from_db(gain_db)))
    return lowered


def _only(samples: Samples) -> Iterator[FloatArray]:
    return (block for _, block in samples.blocks())
