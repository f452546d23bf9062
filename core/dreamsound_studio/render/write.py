"""Write a dream's files: its renders and their sidecars, all or none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dreamsound_studio.audio.formats import FORMAT_BITS, Bits, FileFormat, check_holds
from dreamsound_studio.audio.metadata import carried, read_metadata
from dreamsound_studio.audio.tags.facts import RenderFacts
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import (
    check_folder_writable,
    numbered,
    partial_beside,
    put_in_place,
    readable,
)
from dreamsound_studio.recipe.naming import expand
from dreamsound_studio.recipe.plan import terms_of
from dreamsound_studio.recipe.ucs import Category, category_of, suggested_category
from dreamsound_studio.render.mixer import RenderMixer
from dreamsound_studio.render.note import note_line, note_of, tags_of, with_note
from dreamsound_studio.render.options import RenderOptions
from dreamsound_studio.render.places import SIDECAR, first_free, put_in_free_places


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
        Messages about levels and formats.
    limited_db, softer_db : dict
        As in `level_notes.LevelChanges`.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    gain_db: float = 0.0
    notes: list[str] = field(default_factory=list)
    limited_db: dict[str, float] = field(default_factory=dict)
    softer_db: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """Files that are written, but not yet moved into place.

    Attributes
    ----------
    partial, places : dict
        Current and final paths, by name; sidecars are included.
    written : Written
        The return value of :func:`write_renders`.
    number : int
        The number in the final paths that is increased if one is taken; 0 if that is an error.
    """

    partial: dict[str, Path]
    places: dict[str, Path]
    written: Written
    number: int = 0


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
    return _numbered_paths(stem, folder, options, kept_steps, values)[0]


def _numbered_paths(
    stem: str,
    folder: Path,
    options: RenderOptions,
    kept_steps: tuple[int, ...],
    values: Mapping[str, str] | None,
) -> tuple[dict[str, Path], int]:
    """Return the planned paths, and the number in them, or 0 if none is to be added."""
    names: list[str] = [*options.renders, *(f"dream_step{step}" for step in kept_steps)]
    template = options.name if "{render}" in options.name else f"{options.name}_{{render}}"
    stems = {}
    for name in names:
        # A single render may have a plain name, but a kept step beside it needs its own.
        shown = "" if template != options.name and name == options.renders[0] else name
        known = {**(values or {}), "stem": stem, "render": shown}
        stems[name] = expand(template, known)

    def places(number: int) -> dict[str, Path]:
        return {
            name: folder / f"{numbered(made, number)}.{options.format}"
            for name, made in stems.items()
        }

    if options.clash != "number":
        return places(1), 0
    number = first_free(lambda n: {**places(n), **_sidecars(places(n), options)})
    return places(number), number


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
    dream: RawDream,
    folder: Path | str,
    options: RenderOptions | None = None,
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
    dream : RawDream
        The finished dream.
    folder : path_like
        Output folder; created if missing.
    options : RenderOptions, optional
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
        Called when all files are written, before the first is moved into place; again with other
        places if another process has taken a name meanwhile, and `clash` is "number".

    Returns
    -------
    Written

    Raises
    ------
    AudioFileError
        A file exists, or cannot be written.
    """
    folder, options = Path(folder), options or RenderOptions()
    clip = dream.source
    stem = stem or (clip.path.stem if clip.path else "clip")
    known = {**(values or {}), **_values_of(dream)}
    catid = known.get("catid", "")
    category = category_of(catid) if catid else suggested_category(known["class"])
    known["catid"] = next(iter(category), "")
    paths, number = _numbered_paths(stem, folder, options, tuple(dream.kept), known)
    read = (clip.path, *dream.others.values())
    origins = [*(sources or []), *(path for path in read if path is not None)]
    check_folder_writable(folder)
    check_holds(options.format, clip.sample_rate_hz, clip.channels, clip.name, clip.speakers)
    check_places({**paths, **_sidecars(paths, options)}, origins, options.overwrite)
    written = Written()
    mixer = RenderMixer(dream, options, options.bits_for(clip.bits), written.notes)
    written.gain_db = mixer.dream_gain_db
    files = _Files(dream, options, mixer, tag, category, catid)
    try:
        for name, path in paths.items():
            if on_progress is not None:
                on_progress(name)
            written.paths[name] = files.write_render(name, path, origins)
        for name, path in _sidecars(written.paths, options).items():
            files.write_sidecar(name, path)
        written.limited_db, written.softer_db = mixer.changes.limited_db, mixer.changes.softer_db
        softer = mixer.changes.note()
        written.notes += [] if softer is None else [softer]
        written.notes += files.left_behind()
        files.put_in_place(written, number, on_ready)
    finally:
        for place in files.partial.values():
            place.unlink(missing_ok=True)
        mixer.close()
    return written


class _Files:
    """The files of a dream, under temporary names beside their places.

    Attributes
    ----------
    partial, places : dict
        Name to temporary path, and to final path, of what has been begun and of what is written.
    """

    def __init__(
        self,
        dream: RawDream,
        options: RenderOptions,
        mixer: RenderMixer,
        tag: str,
        category: Category,
        catid: str,
    ) -> None:
        self.partial: dict[str, Path] = {}
        self.places: dict[str, Path] = {}
        self._clip = dream.source
        self._options = options
        self._mixer = mixer
        self._tag = tag
        self._bits = options.bits_for(self._clip.bits)
        self._tags = tags_of(self._clip.path)
        self._metadata = read_metadata(self._clip.path)
        self._category = category
        self._left: dict[str, None] = {}
        self._note = note_of(
            dream,
            level=options.level,
            limit=options.limit,
            file_format=options.format,
            bits=self._bits,
            catid=catid,
        )

    def write_render(self, name: str, path: Path, origins: list[Path]) -> Path:
        """Write a render; return its place: of another suffix if the format has no float."""
        clip, options = self._clip, self._options
        self.partial[name] = partial_beside(path, self._tag)
        bits = self._mixer.bits_of(name, options.format, self._bits)
        file_format: FileFormat = options.format
        if bits == "32f" and "32f" not in FORMAT_BITS.get(file_format, ()):
            file_format = "wav"
            path = path.with_suffix(".wav")
            check_places({name: path}, origins, options.overwrite)
        made = carried(self._metadata, self._facts(name, bits), file_format)
        self._left |= dict.fromkeys(made.left)
        write_blocks(
            self.partial[name],
            self._mixer.blocks(name),
            length=clip.samples.length,
            channels=clip.channels,
            sample_rate_hz=clip.sample_rate_hz,
            file_format=file_format,
            bits=bits,
            speakers=clip.speakers,
            is_bw64=clip.is_bw64,
            tags=with_note(self._tags, self._note, name),
            metadata=made,
            shown_as=path,
        )
        self.places[name] = path
        return path

    def left_behind(self) -> list[str]:
        """Return a line that names the metadata that no render, or not every one, could keep."""
        if not self._left:
            return []
        return [f"metadata not carried over: {', '.join(self._left)}"]

    def _facts(self, name: str, bits: Bits) -> RenderFacts:
        clip = self._clip
        return RenderFacts(
            note=note_line(self._note, name),
            length=clip.samples.length,
            start=clip.file_start,
            is_whole=clip.file_start == 0 and clip.cut is None and clip.after.shape[1] == 0,
            render=name,
            source="" if clip.path is None else readable(clip.path.name),
            sample_rate_hz=clip.sample_rate_hz,
            channels=clip.channels,
            bits=bits,
            has_all_channels=clip.cut is None,
            category=self._category,
        )

    def write_sidecar(self, name: str, path: Path) -> None:
        """Write the note of the render that a sidecar is named after."""
        self.partial[name] = partial_beside(path, self._tag)
        line = note_line(self._note, name.removesuffix(SIDECAR))
        try:
            text = json.dumps(json.loads(line), indent=1) + "\n"
            self.partial[name].write_text(text, encoding="utf-8")
        except OSError as error:
            raise AudioFileError(f"{path}: cannot write: {error.strerror or error}") from error
        self.places[name] = path

    def put_in_place(
        self, written: Written, number: int, on_ready: Callable[[Ready], None] | None
    ) -> None:
        """Move all files into their places, or into free ones if there is a number."""

        def ready(places: dict[str, Path], number: int) -> None:
            written.paths = {name: places[name] for name in written.paths}
            if on_ready is not None:
                on_ready(Ready(self.partial, places, written, number))

        if number:
            put_in_free_places(self.partial, self.places, number, ready)
        else:
            ready(self.places, number)
            put_in_place(self.partial, self.places, self._options.overwrite)


def _sidecars(paths: Mapping[str, Path], options: RenderOptions) -> dict[str, Path]:
    """Return the path of each render's sidecar, if there are any."""
    if not options.sidecar:
        return {}
    return {f"{name}{SIDECAR}": path.with_name(f"{path.name}.json") for name, path in paths.items()}


def _values_of(dream: RawDream) -> dict[str, str]:
    """Return the template values that a dream provides."""
    layers = [getattr(atom, "layer", None) for atom in terms_of(dream.recipe).atoms]
    return {
        "class": dream.final.class_name,
        "model": dream.model_name,
        "layer": next((layer for layer in layers if layer), ""),
        "step": str(len(dream.steps)),
    }
