"""Showing: the big views show what is heard, alone or compared with the source."""

from __future__ import annotations

from PySide6.QtCore import QObject

from dreamsound_desktop.analysis.placed_sound import PlacedSound
from dreamsound_desktop.controllers.playback import PlaybackController
from dreamsound_desktop.dialogs.compare_takes import CompareTakes, History
from dreamsound_desktop.panels.sound_tabs import SoundTabs
from dreamsound_desktop.panels.takes import TakesPanel
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.studio import Studio
from dreamsound_desktop.views.caption import Comparison

#: The actions that compare, and how.
COMPARISONS: tuple[tuple[str, Comparison], ...] = (
    ("show_split", "split"),
    ("show_overlay", "overlay"),
    ("show_difference", "difference"),
)


class ShowingController(QObject):
    """Shows the selection of the Takes panel in the view of its document.

    Parameters
    ----------
    studio, takes, tabs, playback : Studio, TakesPanel, SoundTabs, PlaybackController
        Where takes are chosen, shown, and opened.
    """

    def __init__(
        self, studio: Studio, takes: TakesPanel, tabs: SoundTabs, playback: PlaybackController
    ) -> None:
        super().__init__(studio)
        self._studio = studio
        self._takes = takes
        self._tabs = tabs
        self._playback = playback
        self._comparison: Comparison = "none"
        takes.heard_changed.connect(self.refresh)
        studio.session.opened.connect(self._on_opened)
        studio.actions.bind("compare_takes", self.compare_recipes)
        studio.actions.bind("history", self.show_history)
        for name, comparison in COMPARISONS:
            studio.actions.bind(
                name, lambda is_on, comparison=comparison: self._compare(comparison, is_on)
            )

    def refresh(self) -> None:
        """Show what is heard now."""
        view, document = self._tabs.view, self._studio.session.current
        if view is None or document is None:
            return
        take = self._take(document)
        view.show_sound(take, self._comparison, self._caption(take))

    def compare_recipes(self) -> None:
        """Show how the recipes of the takes in B, C and D differ."""
        slots = [(slot, take) for slot in "BCD" if (take := self._takes.heard_take(slot))]
        if len(slots) < 2:
            self._studio.messages.say(
                self.tr("Fewer than two takes in B, C and D. Put takes there with 2, 3 and 4."),
                stays=False,
            )
            return
        CompareTakes(slots, self._tabs.window()).show()

    def show_history(self) -> None:
        """Show what was done to the active sound."""
        History(self._studio.undo, self._tabs.window()).show()

    def _take(self, document: Document) -> PlacedSound | None:
        """Return what is heard on the document's timeline; None for the source."""
        opened = self._playback.heard_sound(document)
        if opened is None:
            return None
        take, name, sound = opened
        start = round(take.start_s * document.sound.sample_rate_hz)
        # As it is heard: the source around a dream, silence around the other renders. Outside a
        # take nothing has changed.
        is_surrounded = name.startswith("dream") or self._comparison == "difference"
        return PlacedSound(document.sound, sound, start, is_surrounded)

    def _caption(self, take: PlacedSound | None) -> str:
        heard = self._takes.heard_file()
        document = self._studio.session.current
        if self._comparison == "none" and (document is None or not len(document.takes)):
            return ""
        if take is None or heard is None:
            text = self.tr("A: source")
        else:
            text = f"{self._takes.slot}: {heard[0].name} · {self._takes.text_of(heard[1])}"
        if self._comparison == "difference":
            return self.tr("{0} less A, in dB: orange is louder, blue is softer").format(text)
        if self._comparison == "overlay" and take is not None:
            return self.tr("{0} over A").format(text)
        if self._comparison == "split" and take is not None:
            return self.tr("{0}, below A").format(text)
        return text

    def _compare(self, comparison: Comparison, is_on: bool) -> None:
        self._comparison = comparison if is_on else "none"
        for name, one in COMPARISONS:
            self._studio.actions[name].setChecked(one == self._comparison)
        self.refresh()

    def _on_opened(self, document: Document) -> None:
        document.takes.changed.connect(self._on_takes)

    def _on_takes(self) -> None:
        self.refresh()
