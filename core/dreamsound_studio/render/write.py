"""Write a dream's files: the five renders and their levels, atomically."""

from __future__ import annotations

import errno
import glob
import json
import math
import os
import pkgutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.audio.clip import Clip, check_folder_writable
from dreamsound_studio.audio.formats import (
    FORMAT_BITS,
    LOSSY,
    Bits,
    FileFormat,
    Rounding,
    check_bits,
    check_holds,
)
from dreamsound_studio.audio.metadata import kept_chunks
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.dream.dreamer import Dream
from dreamsound_studio.dream.filter import FilterJob, HardCut, air_of_step
from dreamsound_studio.dsp.levels import (
    LevelKind,
    LevelReading,
    from_db,
    match_gain_db,
    measure_level,
    peak_safe_gain_db,
    true_peak,
)
from dreamsound_studio.errors import AudioFileError, RecipeError
from dreamsound_studio.recipe.automation import Automation
from dreamsound_studio.recipe.naming import (
    DEFAULT_TEMPLATE,
    LATE,
    check_template,
    expand,
    fields_in,
)
from dreamsound_studio.recipe.plan import terms_of
from dreamsound_studio.render.note import note_line, note_of, tags_of, with_note

#: `gradient` and `hardcut` are brought to the source's level by at most this.
MOST_GAIN_DB = 40.0


@dataclass(frozen=True)
class RenderRow:
    """One render by name.

    Attributes
    ----------
    level : {"source", "dream"}
        Brought to the source's loudness, or given the dream's gain.
    make : str or None
        ``module:function``, imported when the render is asked for: from a `Dream` to raw `Samples`
        ``[channels or 1, length]``. None for what needs no making: the dream itself, its gradient,
        and the difference, which is taken of what the dream and its source have become.
    most_gain_db : float or None
        It is raised to the source's level by at most this.
    """

    level: Literal["source", "dream"]
    make: str | None = None
    most_gain_db: float | None = None


#: Every render, by name.
RENDERS: dict[str, RenderRow] = {
    "dream": RenderRow("source"),
    "gradient": RenderRow("source", most_gain_db=MOST_GAIN_DB),
    "hardcut": RenderRow("source", f"{__name__}:hardcut", MOST_GAIN_DB),
    "filtered": RenderRow("dream", f"{__name__}:filtered"),
    "difference": RenderRow("dream"),
}
if TYPE_CHECKING:
    RenderName = str
else:
    RenderName = Literal[tuple(RENDERS)]
RENDER_NAMES: tuple[RenderName, ...] = tuple(RENDERS)
DEFAULT_RENDERS: tuple[RenderName, ...] = ("dream", "gradient", "hardcut")

#: Ceiling for the true peak of a render, dBTP.
CEILING_DBTP = -1.0
#: Suffix of the sidecar file with a render's note.
SIDECAR = " sidecar"


class RenderOptions(BaseModel):
    """Which renders to write, and how.

    Attributes
    ----------
    renders : tuple of str
        Names from :data:`RENDER_NAMES`.
    level : {"match", "raw"}
        Match the source's loudness, or keep the loop's own float values.
    format : {"wav", "aiff", "flac", "ogg", "opus", "mp3"}
        Container.
    bits : {"16", "24", "32f"} or None
        Sample format; None is the source's, at least 24, or the format's own if lossy.
    sidecar : bool
        Whether to also write the note to a file ``NAME.ENDING.json`` beside the render.
    overwrite : bool
        Whether to replace existing files.
    name : str
        Template of the files' names (see ``recipe.naming``).
    clash : {"refuse", "number", "skip"}
        What to do if a file exists: raise an error, number this input's renders, or skip the input
        (done by the caller).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    renders: tuple[RenderName, ...] = Field(default=DEFAULT_RENDERS, min_length=1)
    level: Literal["match", "raw"] = "match"
    format: FileFormat = "wav"
    bits: Literal["16", "24", "32f"] | None = None
    overwrite: bool = False
    sidecar: bool = False
    name: str = DEFAULT_TEMPLATE
    clash: Literal["refuse", "number", "skip"] = "refuse"

    @classmethod
    def make(cls, **fields: object) -> RenderOptions:
        """Make options from text; raise `RecipeError` in one line if they are invalid."""
        try:
            options = cls.model_validate({k: v for k, v in fields.items() if v is not None})
        except ValidationError as error:
            problem = error.errors()[0]
            name = str(problem["loc"][0]) if problem["loc"] else "options"
            message = problem["msg"][0].lower() + problem["msg"][1:]
            raise RecipeError(f"{name}: {message}, not {problem['input']!r}") from error
        if options.level == "raw" and options.bits != "32f":
            raise RecipeError("level raw needs bits 32f, since its values can exceed full scale")
        check_template(options.name, several=len(options.renders) > 1)
        if options.clash == "skip" and fields_in(options.name) & set(LATE):
            late = ", ".join(f"{{{field}}}" for field in LATE)
            raise RecipeError(f"clash skip needs names known before the dream. Remove {late}.")
        if options.bits is not None:
            check_bits(options.format, options.bits)
        return options

    def bits_for(self, source_bits: Bits) -> Bits:
        """Return the bits of a source's renders: its own, at least 24, if the format allows."""
        if self.bits is not None:
            return self.bits
        if "32f" not in FORMAT_BITS.get(self.format, ()):
            return "24"
        return "32f" if source_bits == "32f" else "24"


@dataclass
class Written:
    """The written files.

    Attributes
    ----------
    paths : dict
        Render name to file.
    gain_db : float
        The dream's gain.
    notes : list of str
        Messages about level changes.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    gain_db: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ready:
    """Files that are written, but not yet moved into place.

    Attributes
    ----------
    partial, places : dict
        Current and final paths, by name; sidecars are included.
    written : Written
        The return value of :func:`write_renders`.
    """

    partial: dict[str, Path]
    places: dict[str, Path]
    written: Written


def planned_paths(
    stem: str,
    folder: Path,
    options: RenderOptions,
    kept_steps: tuple[int, ...] = (),
    values: Mapping[str, str] | None = None,
) -> dict[str, Path]:
    """Return the path of each render, by name.

    Parameters
    ----------
    stem : str
        Name of the source file without extension.
    folder : pathlib.Path
        Output folder.
    options : RenderOptions
        Which renders to write.
    kept_steps : tuple of int
        Steps whose sound is kept.
    values : mapping, optional
        Values of the other fields in the name template.

    Returns
    -------
    dict
        With `clash` "number", these are unused names.
    """
    names: list[str] = [*options.renders, *(f"dream_step{step}" for step in kept_steps)]
    template = options.name if "{render}" in options.name else f"{options.name}_{{render}}"
    stems = {}
    for name in names:
        # A single render may have a plain name, but a kept step beside it needs its own.
        shown = "" if template != options.name and name == options.renders[0] else name
        known = {**(values or {}), "stem": stem, "render": shown}
        stems[name] = expand(template, known)

    def numbered(number: int) -> dict[str, Path]:
        end = "" if number == 1 else f"_{number}"
        return {name: folder / f"{made}{end}.{options.format}" for name, made in stems.items()}

    number = 1
    if options.clash == "number":
        while any(path.exists() for path in numbered(number).values()):
            number += 1
    return numbered(number)


def check_places(paths: dict[str, Path], sources: list[Path], overwrite: bool) -> None:
    """Raise `AudioFileError` if a render would replace a protected file.

    Parameters
    ----------
    paths : dict
        As returned by :func:`planned_paths`.
    sources : list of pathlib.Path
        Files that are never replaced, whatever the options: inputs and earlier renders.
    overwrite : bool
        Whether to replace other files.
    """
    for path in paths.values():
        try:
            if not path.exists():
                continue
            if path.is_dir():
                raise AudioFileError(f"{path}: is a folder, cannot write a render there")
            if any(source.exists() and path.samefile(source) for source in sources):
                raise AudioFileError(
                    f"{path}: already exists as a source or a render of the same name, and is "
                    "never replaced. Use another folder."
                )
        except OSError as error:
            raise AudioFileError(f"{path}: cannot write: {error.strerror or error}") from error
        if not overwrite:
            raise AudioFileError(f"{path}: already exists. Use another folder or pass --overwrite.")


def write_renders(
    dream: Dream,
    folder: Path,
    options: RenderOptions,
    *,
    stem: str | None = None,
    values: Mapping[str, str] | None = None,
    sources: list[Path] | None = None,
    on_progress: Callable[[str], None] | None = None,
    tag: str = "",
    on_ready: Callable[[Ready], None] | None = None,
) -> Written:
    """Write all of a dream's renders, or none.

    Each is first written to a temporary file beside its final path; once all are complete, they are
    renamed. The comment says what made the render (see ``render.note``); other text
    fields come from the source.

    Parameters
    ----------
    dream : Dream
        The finished dream.
    folder : pathlib.Path
        Output folder; created if missing.
    options : RenderOptions
        Which renders to write, and how.
    stem : str, optional
        Base of the names; by default the source file's.
    values : mapping, optional
        Values of the other fields in the name template, except those that the dream provides.
    sources : list of pathlib.Path, optional
        Files that must not be replaced, beside the source and the other files that went in.
    on_progress : callable, optional
        Called with the name of each render before it is written.
    tag : str, optional
        Part of the temporary names, so that a dead process's files can be found.
    on_ready : callable, optional
        Called when all files are written, before the first is moved into place.

    Returns
    -------
    Written

    Raises
    ------
    AudioFileError
        A file exists, or cannot be written.
    """
    clip = dream.source
    stem = stem or (clip.path.stem if clip.path else "clip")
    known = {**(values or {}), **_values_of(dream)}
    paths = planned_paths(stem, folder, options, tuple(dream.kept), known)
    read = (clip.path, *dream.others.values())
    origins = [*(sources or []), *(path for path in read if path is not None)]
    check_folder_writable(folder)
    check_holds(options.format, clip.sample_rate_hz, clip.channels, clip.name)
    check_places({**paths, **_sidecars(paths, options)}, origins, options.overwrite)
    written = Written()
    bits = options.bits_for(clip.bits)
    mixer = _Mixer(dream, options, bits, written.notes)
    written.gain_db = mixer.dream_gain_db
    tags = tags_of(clip.path)
    note = note_of(dream, level=options.level, file_format=options.format, bits=bits)
    partial: dict[str, Path] = {}
    try:
        for name, path in list(paths.items()):
            if on_progress is not None:
                on_progress(name)
            partial[name] = _partial(path, tag)
            chosen = mixer.bits_of(name, options.format, bits)
            file_format: FileFormat = options.format
            if chosen == "32f" and "32f" not in FORMAT_BITS.get(file_format, ()):
                file_format = "wav"
                paths[name] = path.with_suffix(".wav")
                check_places({name: paths[name]}, origins, options.overwrite)
            line = note_line(note, name)
            write_blocks(
                partial[name],
                mixer.blocks(name),
                length=clip.samples.length,
                channels=clip.channels,
                sample_rate_hz=clip.sample_rate_hz,
                file_format=file_format,
                bits=chosen,
                tags=with_note(tags, note, name),
                chunks=_chunks(clip, line),
                shown_as=paths[name],
            )
        places = dict(paths)
        for name, path in _sidecars(paths, options).items():
            places[name], partial[name] = path, _partial(path, tag)
            _write_sidecar(partial[name], path, note_line(note, name.removesuffix(SIDECAR)))
        written.paths = paths
        if on_ready is not None:
            on_ready(Ready(partial, places, written))
        put_in_place(partial, places, options.overwrite)
    finally:
        for place in partial.values():
            place.unlink(missing_ok=True)
        mixer.close()
    return written


def _sidecars(paths: Mapping[str, Path], options: RenderOptions) -> dict[str, Path]:
    """Return the path of each render's sidecar, if there are any."""
    if not options.sidecar:
        return {}
    return {f"{name}{SIDECAR}": path.with_name(f"{path.name}.json") for name, path in paths.items()}


def _chunks(clip: Clip, line: str) -> dict[bytes, bytes]:
    """Return the chunks of a render; positions are kept if they are still valid."""
    start = clip.file_start
    return kept_chunks(None if start is None else clip.path, start or 0, clip.samples.length, line)


def _write_sidecar(place: Path, path: Path, line: str) -> None:
    try:
        place.write_text(json.dumps(json.loads(line), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise AudioFileError(f"{path}: cannot write: {error.strerror or error}") from error


def _values_of(dream: Dream) -> dict[str, str]:
    """Return the template values that a dream provides."""
    layers = [getattr(atom, "layer", None) for atom in terms_of(dream.recipe).atoms]
    return {
        "class": dream.final.class_name,
        "model": dream.model_name,
        "layer": next((layer for layer in layers if layer), ""),
        "step": str(len(dream.steps)),
    }


class _Mixer:
    """Produces each render's samples at its level."""

    def __init__(self, dream: Dream, options: RenderOptions, bits: Bits, notes: list[str]) -> None:
        self._dream = dream
        self._raw = options.level == "raw"
        # A lossy format loses more than rounding would, so there is no rounding before it.
        self._bits: Bits = "32f" if options.format in LOSSY else bits
        self._notes = notes
        self._made: dict[str, Samples] = {}
        self._gains: dict[str, float] = {}
        self._source_level = self._level(dream.source.samples, None)
        self.dream_gain_db = self._gain("dream")

    def bits_of(self, name: str, file_format: str, bits: Bits) -> Bits:
        """Return the bits a render needs: a difference beyond full scale must be float."""
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
        channels = self._dream.source.channels
        # One dither for all: a signal that appears in two renders is stored identically.
        stored = Rounding(self._bits)
        for _, block in self._samples(name).blocks():
            scaled = block * gain
            yield stored(np.broadcast_to(scaled, (channels, scaled.shape[1])))

    def close(self) -> None:
        for samples in self._made.values():
            samples.close()

    def _gain(self, name: str) -> float:
        """Return a render's gain in dB, computed once."""
        if self._raw:
            return 0.0
        if name not in self._gains:
            samples = self._samples(name)
            row = RENDERS.get(name)
            if row is not None and row.level == "source":
                wanted = self._matching_gain_db(samples, row.most_gain_db)
            else:
                wanted = self.dream_gain_db
            peak = true_peak(_only(samples), self._dream.source.sample_rate_hz, samples.channels)
            gain, lowered = peak_safe_gain_db(wanted, peak, CEILING_DBTP)
            if lowered > 0:
                self._notes.append(
                    f"{name} lowered by {lowered:.1f} dB to keep its true peak under "
                    f"{CEILING_DBTP:g} dBTP"
                )
            self._gains[name] = gain
        return self._gains[name]

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
            # A signal shared by all channels sounds from each of them.
            blocks = (np.repeat(block, source.channels, axis=0) for block in blocks)
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


def hardcut(dream: Dream) -> Samples:
    """Return the filter of a dream's last step made audible; see :func:`filter_render`."""
    return filter_render(dream, "hardcut")


def filtered(dream: Dream) -> Samples:
    """Return what the filter of a dream's last step lets through; see :func:`filter_render`."""
    return filter_render(dream, "filtered")


def filter_render(dream: Dream, name: str) -> Samples:
    """Make the `hardcut` or `filtered` render from a dream's last step.

    Parameters
    ----------
    dream : Dream
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
    if not unit and combine == "add":
        for start, block in out.blocks():
            out.write(start, block * np.float32(dream.scale))
    return out


def _only(samples: Samples) -> Iterator[FloatArray]:
    return (block for _, block in samples.blocks())


def _partial(path: Path, tag: str) -> Path:
    # Not longer than the render's own name, which may use the file system's maximum.
    return path.with_name(f".{tag}{uuid.uuid4().hex[:8]}.partial")


def partial_files(folder: Path, tag: str) -> list[Path]:
    """Return the temporary files of :func:`write_renders` with this tag in a folder."""
    return sorted(folder.glob(f".{glob.escape(tag)}{'[0-9a-f]' * 8}.partial"))


def put_in_place(partial: dict[str, Path], paths: dict[str, Path], overwrite: bool) -> None:
    """Rename all files; if one fails, remove the new ones.

    Parameters
    ----------
    partial, paths : dict
        Current and final paths, in the same folder.
    overwrite : bool
        Whether to replace existing files.

    Raises
    ------
    AudioFileError
        A file cannot be renamed.
    """
    done: list[Path] = []
    for name, place in partial.items():
        try:
            if overwrite:
                place.replace(paths[name])
            else:
                # Unlike a rename, a link fails if the name has been taken meanwhile.
                rename_new(place, paths[name])
                done.append(paths[name])
        except BaseException as error:
            for path in done:
                path.unlink(missing_ok=True)
            if not isinstance(error, OSError):
                raise
            reason = error.strerror or str(error)
            raise AudioFileError(f"{paths[name]}: cannot write: {reason}") from error


def rename_new(place: Path, path: Path) -> None:
    """Rename a file to an unused name; raise `FileExistsError` if it is taken."""
    try:
        os.link(place, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        place.rename(path)
