"""Monitoring: selects the voice to play and its gain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.panels.sound_tabs import SoundTabs
from dreamsound_desktop.panels.takes import TakesPanel
from dreamsound_desktop.playback.mixer import Voice
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_desktop.studio import Studio
from dreamsound_studio.dsp.levels import from_db
from dreamsound_studio.errors import DreamSoundError

if TYPE_CHECKING:
    from dreamsound_desktop.playback.level import MeasuredLevel

#: Number of take files kept open.
MOST_OPEN = 24
VOLUME_STEP_DB = 3.0


class PlaybackController(QObject):
    """Plays the selection of the Takes panel on the document's timeline."""

    def __init__(self, studio: Studio, takes: TakesPanel, tabs: SoundTabs) -> None:
        super().__init__(studio)
        self._studio = studio
        self._takes = takes
        self._tabs = tabs
        self._sounds: dict[str, OpenSound] = {}
        self._levels: dict[tuple[str, str, bool], MeasuredLevel | None] = {}
        self._is_looping = False
        self._only: tuple[float, float] | None = None
        player = studio.player
        player.moved.connect(self._on_moved)
        player.stopped.connect(self._on_stopped)
        player.failed.connect(lambda reason: studio.messages.say(reason, key="play"))
        player.silent.connect(self._on_silent)
        takes.heard_changed.connect(self.refresh)
        takes.take_activated.connect(lambda _: self.play())
        tabs.seek_wanted.connect(self.seek)
        tabs.play_wanted.connect(self.play_from)
        actions = studio.actions
        actions.bind("play", self.toggle)
        actions.bind("loop", self.set_loop)
        actions.bind("level_match", self._set_level_match)
        actions.bind("louder", lambda: self._change_volume(VOLUME_STEP_DB))
        actions.bind("softer", lambda: self._change_volume(-VOLUME_STEP_DB))
        actions.bind("to_start", lambda: self.seek(0.0))
        actions.bind("to_end", lambda: self.seek(float("inf")))
        for slot in "ABCD":
            actions.bind(f"hear_{slot.lower()}", lambda slot=slot: takes.choose_slot(slot))
        for name in ("dream", "gradient", "hardcut", "filtered", "difference"):
            actions.bind(f"hear_{name}", lambda name=name: takes.choose_render(name))
        actions.bind("step_back", lambda: takes.choose_step(-1))
        actions.bind("step_on", lambda: takes.choose_step(1))
        actions["level_match"].setChecked(studio.preferences.level_match)
        player.set_volume_db(studio.preferences.volume_db)

    def toggle(self) -> None:
        """Start or stop playback."""
        player = self._studio.player
        if player.is_playing:
            player.stop()
        else:
            self.play()

    def play(self, only: tuple[float, float] | None = None) -> None:
        """Play from the playhead, or a part from its start.

        Parameters
        ----------
        only : (float, float), optional
            The part, seconds; plays once, or repeatedly while looping.
        """
        document = self._studio.session.current
        voice = self._voice(document)
        if document is None or voice is None:
            return
        self._only = only
        start = document.playhead_s
        part = only or self._loop_part(document)
        if part is not None and not part[0] <= start < part[1]:
            start = part[0]
        if only is not None:
            start = only[0]
        if start >= document.seconds:
            start = 0.0
        end = document.seconds if only is None or self._is_looping else only[1]
        self._studio.player.play(voice, start, end)
        self._studio.player.loop(part if self._is_looping else None)

    def play_from(self, seconds: float) -> None:
        """Play from a position."""
        self.seek(seconds)
        if not self._studio.player.is_playing:
            self.play()

    def seek(self, seconds: float) -> None:
        """Move the playhead; playback continues there."""
        document = self._studio.session.current
        if document is None:
            return
        document.move_playhead(seconds)
        if self._studio.player.is_playing:
            self._studio.player.seek(document.playhead_s)

    def set_loop(self, is_on: bool) -> None:
        """Loop the selection or the take."""
        self._is_looping = is_on
        document = self._studio.session.current
        part = None
        if is_on and document is not None:
            part = self._only or self._loop_part(document)
        self._studio.player.loop(part)

    def refresh(self) -> None:
        """Switch to the selection of the Takes panel, without a gap."""
        self._takes.show_gains("")
        voice = self._voice(self._studio.session.current)
        if voice is not None and self._studio.player.is_playing:
            self._studio.player.switch(voice)

    def heard_sound(
        self, document: Document, slot: str | None = None
    ) -> tuple[DreamTake, str, OpenSound] | None:
        """Return the take, the render and its sound, of a slot or as heard; None for the source.

        A file that is missing, damaged or at another rate is reported, and counts as the source.
        """
        heard = self._takes.heard_file(slot)
        if heard is None:
            return None
        take, name = heard
        sound = self._open(take.renders[name])
        if sound is None:
            return None
        if sound.sample_rate_hz != document.sound.sample_rate_hz:
            self._studio.messages.say(
                self.tr("{0} is at {1} Hz, the source at {2} Hz. Render it again.").format(
                    sound.path, sound.sample_rate_hz, document.sound.sample_rate_hz
                ),
                key="take",
            )
            return None
        return take, name, sound

    def close_document(self, document: Document) -> None:
        """Stop playback of a document."""
        playing = self._studio.player.mixer.voice
        if (playing is not None and playing.around is document.sound) or (
            playing is not None and playing.sound is document.sound
        ):
            self._studio.player.stop()
            self._studio.player.mixer.switch(None)

    def close(self) -> None:
        """Close all files."""
        for sound in self._sounds.values():
            sound.close()
        self._sounds.clear()

    def _loop_part(self, document: Document) -> tuple[float, float] | None:
        """Return the part to loop: the selection, the take, or the whole sound."""
        if document.selection is not None:
            return document.selection.start_s, document.selection.stop_s
        heard = self._takes.heard_file()
        if heard is not None:
            return heard[0].start_s, heard[0].stop_s
        return 0.0, document.seconds

    def _voice(self, document: Document | None) -> Voice | None:
        if document is None:
            return None
        source = document.sound
        gains = self._gains(document)
        own_gain = gains.get(str(document.path), 1.0)
        heard = self.heard_sound(document)
        if heard is None:
            return Voice(source, gain=own_gain)
        take, name, sound = heard
        path = take.renders[name]
        start = round(take.start_s * source.sample_rate_hz)
        gain = gains.get(path, 1.0)
        # The source surrounds a dream, as in place; other renders play alone.
        around = source if name.startswith("dream") else None
        return Voice(sound, start, gain, around, own_gain)

    def _open(self, path: str) -> OpenSound | None:
        sound = self._sounds.get(path)
        if sound is not None and not sound.has_changed():
            return sound
        try:
            sound = OpenSound(Path(path))
        except DreamSoundError as error:
            self._studio.messages.say(str(error), key="take")
            return None
        while len(self._sounds) >= MOST_OPEN:
            self._sounds.pop(next(iter(self._sounds))).close()
        self._sounds[path] = sound
        return sound

    def _gains(self, document: Document) -> dict[str, float]:
        """Return the gains of the source and the takes in A to D, by path, as factors."""
        # Imported here, not in the pool, and not before the first playback.
        from dreamsound_desktop.playback.level import softest_gains_db

        found = self._compared(document)
        levels = {
            path: level
            for path, (sound, start) in found.items()
            if (level := self._level(document, path, sound, start)) is not None
        }
        own = str(document.path)
        if own not in levels:
            return {}
        if self._studio.preferences.level_match:
            gains_db = dict(zip(levels, softest_gains_db(list(levels.values())), strict=True))
        else:
            gains_db = {path: softest_gains_db([level])[0] for path, level in levels.items()}
        self._say_gains(document, gains_db)
        return {path: from_db(gain_db) for path, gain_db in gains_db.items()}

    def _compared(self, document: Document) -> dict[str, tuple[OpenSound, int | None]]:
        """Return what is compared, by path: the sound and its first sample; None: the source."""
        found: dict[str, tuple[OpenSound, int | None]] = {
            str(document.path): (document.sound, None)
        }
        for slot in "BCD":
            named = self._takes.heard_file(slot)
            if named is None or not Path(named[0].renders[named[1]]).is_file():
                continue  # reported when it is to be heard
            heard = self.heard_sound(document, slot)
            if heard is not None:
                take, name, sound = heard
                start = round(take.start_s * sound.sample_rate_hz)
                found[take.renders[name]] = (sound, start)
        return found

    def _level(
        self, document: Document, path: str, sound: OpenSound, start: int | None
    ) -> MeasuredLevel | None:
        """Return the level of a sound; None until it is measured."""
        from dreamsound_desktop.playback.level import measured_level

        is_matched = self._studio.preferences.level_match and start is not None
        key = (path, f"{sound.stamp} {start}", is_matched)
        if key in self._levels:
            return self._levels[key]
        self._levels[key] = None
        reference = document.sound if is_matched else None

        def done(level: MeasuredLevel) -> None:
            self._levels[key] = level
            self.refresh()

        def failed(reason: str) -> None:
            self._levels.pop(key, None)
            self._studio.messages.say(reason, key="play")

        self._studio.tasks.run(
            lambda _: measured_level(sound, reference, start or 0), done, failed, 50
        )
        return None

    def _say_gains(self, document: Document, gains_db: dict[str, float]) -> None:
        parts = []
        for slot in "ABCD":
            heard = None if slot == "A" else self._takes.heard_file(slot)
            path = str(document.path) if slot == "A" else heard and heard[0].renders[heard[1]]
            if path in gains_db:
                parts.append(f"{slot} {gains_db[path]:+.1f} dB")
        is_matched = self._studio.preferences.level_match and len(parts) > 1
        self._takes.show_gains(
            self.tr("As loud as the softest: {0}").format(", ".join(parts)) if is_matched else ""
        )

    def _set_level_match(self, is_on: bool) -> None:
        self._studio.change_preferences(level_match=is_on)
        self.refresh()

    def _change_volume(self, change_db: float) -> None:
        volume = min(max(self._studio.preferences.volume_db + change_db, -60.0), 0.0)
        self._studio.set_volume(volume)

    def _on_moved(self, seconds: float) -> None:
        view = self._tabs.view
        if view is not None and self._studio.player.is_playing:
            view.follow(seconds)

    def _on_stopped(self) -> None:
        document = self._studio.session.current
        if document is not None:
            seconds = self._studio.player.seconds
            if self._only is not None:
                seconds = self._only[0]
            document.move_playhead(seconds if seconds < document.seconds else 0.0)
        self._only = None

    def _on_silent(self, reason: str) -> None:
        self._studio.messages.say(
            self.tr("No audio output: {0}. Check the audio device in Preferences.").format(reason),
            key="silent",
        )
