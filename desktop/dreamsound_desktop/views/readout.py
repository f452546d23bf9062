"""The cursor readout: position and values as text that a screen reader can speak."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel

from dreamsound_desktop.analysis.scales import note_name, time_text
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.heard import ClassScores
from dreamsound_desktop.views.spectrogram_layer import SpectrogramLayer

#: Initial frequency of the cursor.
FIRST_HZ = 1000.0
LOWEST_HZ = 20.0


class Readout(QLabel):
    """Shows time, frequency, note, level and what the model hears; `moved` emits the time."""

    moved = Signal(float)

    def __init__(self, document: Document, spectrogram: SpectrogramLayer) -> None:
        super().__init__()
        self.heard: ClassScores | None = None
        self._document = document
        self._spectrogram = spectrogram
        self._at: tuple[float, float] | None = None
        self.setAccessibleName(self.tr("Cursor"))
        self.setContentsMargins(6, 2, 6, 2)
        self.setText(self.tr("Point at the sound or press the arrow keys for a readout"))

    def step(self, seconds: float, octaves: float) -> None:
        """Move the cursor by keyboard."""
        at, hertz = self._at or (self._document.playhead_s, FIRST_HZ)
        axis = self._spectrogram.axis
        low = max(axis.lowest_hz, LOWEST_HZ)
        hertz = min(max(hertz * 2**octaves, low), axis.highest_hz)
        self.move_to(min(max(at + seconds, 0.0), self._document.seconds), hertz)

    def go_to_playhead(self) -> None:
        """Move the cursor to the playhead."""
        self.move_to(self._document.playhead_s, (self._at or (0.0, FIRST_HZ))[1])

    def move_to(self, seconds: float, hertz: float) -> None:
        """Move the cursor; a frequency of 0 means the waveform."""
        self._at = (seconds, hertz or (self._at or (0.0, FIRST_HZ))[1])
        self.setText(self.text_at(seconds, hertz))
        self.moved.emit(seconds)

    def text_at(self, seconds: float, hertz: float) -> str:
        """Return the readout at a position: time, and on the spectrogram Hz, note and level."""
        parts = [time_text(seconds)]
        if hertz > 0:
            note = note_name(hertz)
            parts.append(f"{hertz:.0f} Hz" + (f" ({note})" if note else ""))
            level = self._spectrogram.level_at(seconds, hertz)
            if level is not None:
                parts.append(f"{level:.1f} dB")
        parts += self._heard_at(seconds)
        return "  ·  ".join(parts)

    def _heard_at(self, seconds: float) -> list[str]:
        heard = self.heard
        if heard is None:
            return []
        patch = int((seconds - (heard.patch_s - heard.hop_s) / 2) // max(heard.hop_s, 1e-3))
        found = [
            (one.scores[patch], one.name) for one in heard.classes if 0 <= patch < len(one.scores)
        ]
        if not found:
            return []
        score, name = max(found)
        return [f"{name} {score:.2f}"]
