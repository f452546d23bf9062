"""Opening files: sounds, folders, presets, and renders with their recipes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from dreamsound_desktop.controllers.presets import PresetController
from dreamsound_desktop.panels.takes import TakesPanel
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.found_takes import add_take_of_render, take_of_job, take_of_record
from dreamsound_desktop.state.requests import jobs_of_files
from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.state.sound_files import MOST_FILES, copy_renders, found_sounds
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_desktop.studio import Studio
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.jobs.consent import Outside, noted_hashes, outside_of_recipe
from dreamsound_studio.jobs.redo import note_of_render, source_of
from dreamsound_studio.library.records import DreamRecord
from dreamsound_studio.queue.store.records import Job, NewJob
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.presets import SUFFIX
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.note import RenderNote

if TYPE_CHECKING:
    from dreamsound_desktop.background import Task

MOST_REPORTED = 3
#: Larger numbers of sounds go to the queue as a batch.
MOST_OPENED = 24


class FileController(QObject):
    """Opens files and explains why a file cannot be opened."""

    def __init__(
        self, studio: Studio, takes: TakesPanel, presets: PresetController, parent: QWidget
    ) -> None:
        super().__init__(studio)
        self._studio = studio
        self._takes = takes
        self._presets = presets
        self._parent = parent
        actions = studio.actions
        actions.bind("open", self.ask)
        actions.bind("add_folder", self.ask_folder)
        actions.bind("close", self.close_current)
        actions.bind("reveal", self.reveal_current)
        actions.bind("export_take", self.export_take)

    def ask(self) -> None:
        """Choose sounds and open them."""
        recent = self._studio.session.recent
        folder = str(recent[0].parent) if recent else ""
        paths, _ = QFileDialog.getOpenFileNames(self._parent, self.tr("Open sounds"), folder)
        self.open([Path(path) for path in paths])

    def ask_folder(self) -> None:
        """Choose a folder and queue its sounds."""
        folder = QFileDialog.getExistingDirectory(self._parent, self.tr("Add folder to queue"))
        if folder:
            self.queue([Path(folder)])

    def open(self, paths: list[Path]) -> None:
        """Open sounds; queue folders; import presets."""
        folders = [path for path in paths if path.is_dir()]
        presets = [path for path in paths if path.name.endswith(SUFFIX)]
        rest = [path for path in paths if path not in folders and path not in presets]
        if len(rest) > MOST_OPENED:
            self._offer_queue(rest)
            rest = []
        problems = []
        for path in rest:
            try:
                self._open(path)
            except (DreamSoundError, OSError) as error:
                problems.append(str(error))
        if presets:
            self._presets.import_presets(presets)
        if folders:
            self.queue(folders)
        self._report_problems(
            problems, self.tr("Open a WAV, AIFF, FLAC, OGG, Opus, MP3 or CAF file.")
        )

    def look_for_changes(self) -> None:
        """Report if the active sound has been removed or changed since it was opened."""
        document = self._studio.session.current
        if document is None or not document.sound.has_changed():
            return
        if not document.path.is_file():
            self._studio.messages.say(
                self.tr("File not found: {0}. Restore it or close the sound.").format(
                    document.path
                ),
                (self.tr("Close"), lambda: self._studio.session.close(document)),
                key="gone",
            )
            return
        self._studio.messages.say(
            self.tr("{0} has changed on disk.").format(document.path),
            (self.tr("Reopen"), lambda: self._reopen(document)),
            key="gone",
        )

    def open_job(self, job: Job) -> None:
        """Open the sound of a job and select its result for playback."""
        try:
            document = self._studio.session.open(Path(job.input))
        except DreamSoundError as error:
            self._studio.messages.say(str(error), key="open")
            return
        take = take_of_job(document, job)
        if take is not None and take.renders:
            self._takes.put_new(take.number)

    def open_record(self, record: DreamRecord) -> None:
        """Open the sound of a library entry, with its recipe and renders."""
        try:
            document = self._studio.session.open(Path(record.source))
            recipe = recipe_from(dict(record.recipe))
        except DreamSoundError as error:
            self._studio.messages.say(str(error), key="open")
            return
        document.set_recipe(recipe, self.tr("Reopen dream"), preset=record.preset)
        start = record.start / record.sample_rate_hz
        span = TimeSpan(start, start + record.length / record.sample_rate_hz)
        self._select_part(document, span)
        self._takes.put_new(take_of_record(document, record, span).number)

    def queue(self, paths: list[Path]) -> None:
        """Queue sounds and folders with the document's recipe."""
        document = self._studio.session.current
        recipe = document.recipe if document is not None else Recipe()
        preset = document.preset if document is not None else ""
        preferences = self._studio.preferences

        def work(task: Task) -> tuple[list[NewJob], list[str]]:
            files = found_sounds(paths, task.is_wanted)
            jobs: list[NewJob] = []
            problems = []
            for number, file in enumerate(files, 1):
                try:
                    jobs += jobs_of_files([file], recipe, preset, preferences, number)
                except (DreamSoundError, OSError) as error:
                    problems.append(str(error))
            if len(files) >= MOST_FILES:
                problems.append(self.tr("Only the first {0} sounds were added.").format(MOST_FILES))
            return jobs, problems

        def done(made: tuple[list[NewJob], list[str]]) -> None:
            jobs, problems = made
            if jobs:
                self._studio.client.add(jobs)
                text = self.tr("Added {0} sounds to the queue.").format(len(jobs))
                self._studio.messages.say(text, stays=False)
            elif not problems:
                problems = [self.tr("No audio files found.")]
            self._report_problems(problems)

        self._studio.tasks.run(work, done, lambda text: self._report_problems([text]))

    def close_current(self) -> None:
        """Close the active document."""
        if self._studio.session.current is not None:
            self._studio.session.close(self._studio.session.current)

    def reveal(self, path: Path) -> None:
        """Show a file in its folder."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))

    def reveal_job(self, job: Job) -> None:
        """Show a job's result, or its sound, in its folder."""
        renders = list((job.result.get("renders") or {}).values())
        self.reveal(Path(renders[0] if renders else job.input))

    def reveal_current(self) -> None:
        """Show the selected take, or the sound, in its folder."""
        take, document = self._takes.current, self._studio.session.current
        if take is not None and take.renders:
            self.reveal(Path(next(iter(take.renders.values()))))
        elif document is not None:
            self.reveal(document.path)

    def export_take(self) -> None:
        """Choose a folder and copy the take's renders to it."""
        take, document = self._takes.current, self._studio.session.current
        if take is None or document is None:
            self._studio.messages.say(
                self.tr("No take selected. Select the take to export."), stays=False
            )
            return
        folder = QFileDialog.getExistingDirectory(self._parent, self.tr("Export take"))
        if folder:
            self.export_to(take, Path(folder))

    def export_to(self, take: DreamTake, folder: Path) -> None:
        """Copy a take's renders; never replaces existing files."""

        def work(_: Task) -> int:
            return copy_renders(take, folder)

        def done(count: int) -> None:
            text = self.tr("Copied {0} files to {1}.").format(count, folder)
            self._studio.messages.say(text, stays=False)

        self._studio.tasks.run(work, done, lambda text: self._report_problems([text]))

    def _open(self, path: Path) -> None:
        """Open a sound; for a render whose source exists, open the source with its recipe."""
        try:
            note = note_of_render(path)
        except DreamSoundError:
            self._studio.session.open(path)
            return
        try:
            source = source_of(note, path)
        except DreamSoundError as error:
            self._studio.session.open(path)
            text = self.tr("{0} is a render; opened as a sound: {1}")
            self._studio.messages.say(text.format(path.name, error), key="open")
            return
        recipe = recipe_from(note.recipe)
        hashes = noted_hashes({name: file.model_dump() for name, file in note.others.items()})
        strays = outside_of_recipe(path, recipe, hashes=hashes)
        if strays:
            self._offer_recipe(path, source, note, recipe, strays)
        else:
            self._open_render(path, source, note, recipe)

    def _offer_recipe(
        self, path: Path, source: Path, note: RenderNote, recipe: Recipe, strays: Outside
    ) -> None:
        """Open a render as a sound; use its recipe, which names files elsewhere, if asked to."""
        self._studio.session.open(path)
        self._studio.messages.say(
            self.tr("The recipe in {0} {1}, outside its folder.").format(path.name, strays),
            (self.tr("Use it"), lambda: self._open_render(path, source, note, recipe)),
            key="open",
        )

    def _open_render(self, path: Path, source: Path, note: RenderNote, recipe: Recipe) -> None:
        """Open the source of a render with the render's recipe."""
        start = note.source.file_start
        if start is None:
            # A render of several pieces has no single position in its source.
            document = self._studio.session.open(path)
            document.set_recipe(recipe, self.tr("Reopen render"))
            return
        document = self._studio.session.open(source)
        document.set_recipe(recipe, self.tr("Reopen render"))
        rate = document.sound.sample_rate_hz
        span = TimeSpan(start / rate, (start + note.source.samples) / rate)
        self._select_part(document, span)
        add_take_of_render(document, path, note, span)
        self._studio.messages.say(
            self.tr("{0} is a render of {1}. Its recipe is restored.").format(
                path.name, source.name
            ),
            (self.tr("Open as a sound"), lambda: self._studio.session.open(path)),
            stays=False,
        )

    def _select_part(self, document: Document, span: TimeSpan) -> None:
        """Select the dreamed part, unless it is the whole sound."""
        if span.seconds < document.seconds - 0.001:
            document.select(span, self.tr("Select"))

    def _reopen(self, document: Document) -> None:
        self._studio.session.close(document)
        self.open([document.path])

    def _offer_queue(self, paths: list[Path]) -> None:
        self._studio.messages.say(
            self.tr("{0} sounds selected. Queue them, or open them all.").format(len(paths)),
            (self.tr("Add to queue"), lambda: self.queue(paths)),
            (self.tr("Open all"), lambda: self._open_all(paths)),
            key="open",
        )

    def _open_all(self, paths: list[Path]) -> None:
        for first in range(0, len(paths), MOST_OPENED):
            self.open(paths[first : first + MOST_OPENED])

    def _report_problems(self, problems: list[str], step: str = "") -> None:
        """Report the first problems and what to do."""
        if problems:
            shown = problems[:MOST_REPORTED]
            if len(problems) > MOST_REPORTED:
                shown.append(self.tr("… and {0} more").format(len(problems) - MOST_REPORTED))
            if step:
                shown.append(step)
            self._studio.messages.say("\n".join(shown), key="open")
