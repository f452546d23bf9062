"""What was computed to show a document's sounds: the source, and the takes heard last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from dreamsound_desktop.analysis.disk_cache import DiskCache
from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.analysis.peaks import PeakPyramid
from dreamsound_desktop.analysis.placed_sound import PlacedSound, Timeline
from dreamsound_desktop.background import Task, Tasks
from dreamsound_desktop.views.tile_store import TileStore

#: Takes whose peaks and tiles are kept: B, C and D with their renders; fewer of long sounds.
MOST_TAKES = 16
MOST_PEAK_BYTES = 64 * 2**20


@dataclass(eq=False)
class ShownSound:
    """A sound with its peaks and its tiles."""

    sound: Timeline
    pyramid: PeakPyramid
    tiles: TileStore
    task: Task | None = None

    def close(self) -> None:
        """Stop computing."""
        if self.task is not None:
            self.task.cancel()
        self.tiles.close()


class ShownSounds(QObject):
    """Keeps what was computed of the sounds that were shown, so that each shows again at once.

    Parameters
    ----------
    source : OpenSound
        The document's sound.
    pyramid : PeakPyramid
        Its peaks, to be filled.
    tasks, disk : Tasks, DiskCache
        Compute the peaks and tiles, and keep the slow ones.
    """

    #: The peaks of a sound are whole.
    built = Signal()
    failed = Signal(str)
    #: The tiles of a take that is forgotten.
    forgotten = Signal(object)

    def __init__(
        self,
        source: OpenSound,
        pyramid: PeakPyramid,
        tasks: Tasks,
        disk: DiskCache,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._disk = disk
        self._takes: OrderedDict[str, ShownSound] = OrderedDict()

        self.source = ShownSound(source, pyramid, TileStore(source, tasks, disk, self))
        self.source.tiles.failed.connect(self.failed)
        self._build(self.source, self._build_source)

    def of(self, sound: PlacedSound) -> ShownSound:
        """Return a take's peaks and tiles, known or about to be computed."""
        found = self._takes.get(sound.stamp)
        if found is None:
            found = self._takes[sound.stamp] = self._of_take(sound)
        self._takes.move_to_end(sound.stamp)
        most = MOST_PEAK_BYTES // max(found.pyramid.levels[0].nbytes, 1)
        while len(self._takes) > max(min(most, MOST_TAKES), 2):
            _, gone = self._takes.popitem(last=False)
            gone.close()
            self.forgotten.emit(gone.tiles)
        return found

    def close(self) -> None:
        """Stop computing."""
        for one in (self.source, *self._takes.values()):
            one.close()
        self._takes.clear()

    def _of_take(self, sound: PlacedSound) -> ShownSound:
        base = self.source.tiles if sound.is_surrounded else None
        tiles = TileStore(sound, self._tasks, self._disk, self, base)
        tiles.failed.connect(self.failed)
        shown = ShownSound(sound, PeakPyramid(sound.channels, sound.length), tiles)

        def build(task: Task) -> None:
            around = self.source.pyramid
            if sound.is_surrounded and not around.is_whole:
                shown.pyramid.build(sound, is_wanted=task.is_wanted)
                return
            other = around if sound.is_surrounded else None
            shown.pyramid.build_like(other, sound, sound.start, sound.stop)

        self._build(shown, build)
        return shown

    def _build_source(self, task: Task) -> None:
        pyramid = self.source.pyramid
        name = f"peaks 1 {self.source.sound.stamp}"
        kept = self._disk.get(name)
        if kept is not None and kept.shape == pyramid.levels[0].shape:
            pyramid.levels[0][:] = kept
            pyramid.finish()
            return
        pyramid.build(self.source.sound, is_wanted=task.is_wanted)
        if pyramid.is_whole:
            self._disk.put(name, pyramid.levels[0])

    def _build(self, shown: ShownSound, work: Callable[[Task], None]) -> None:
        def failed(reason: str) -> None:
            self.built.emit()
            self.failed.emit(reason)

        shown.task = self._tasks.run(work, lambda _: self.built.emit(), failed, priority=100)
