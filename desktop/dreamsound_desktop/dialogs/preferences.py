"""The Preferences dialog."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.analysis.disk_cache import DiskCache
from dreamsound_desktop.state.preferences import Preferences
from dreamsound_studio.audio.formats import FORMAT_BITS, FORMATS
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.naming import EXAMPLE, FIELDS, expand
from dreamsound_studio.render.options import RENDER_NAMES, RenderOptions


class PreferencesDialog(QDialog):
    """Edits preferences; `preferences` returns them."""

    def __init__(
        self, preferences: Preferences, disk: DiskCache, devices: list[str], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Preferences"))
        self._before = preferences
        self._disk = disk
        self._make_look(preferences, devices)
        self._make_renders(preferences)
        self._make_previews(preferences)
        self.cache = QSpinBox()
        self.cache.setRange(0, 1_000_000)
        self.cache.setSuffix(self.tr(" MB"))
        self.cache.setValue(preferences.cache_limit_mb)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(self._form())
        layout.addWidget(self.problem)
        layout.addWidget(self.buttons)
        self._check()

    def preferences(self) -> Preferences:
        """Return the chosen preferences."""
        fields: dict[str, Any] = {
            "theme": self.theme.currentData(),
            "output_device": self.device.currentData(),
            "models_folder": self.models.text().strip(),
            "ffmpeg": self.ffmpeg.text().strip(),
            "render_folder": self.render_folder.text().strip(),
            "name": self.name.text().strip(),
            "format": self.format.currentData(),
            "bits": self.bits.currentData() or None,
            "renders": tuple(name for name, box in self.renders.items() if box.isChecked()),
            "preview_seconds": self.preview_seconds.value(),
            "preview_plays": self.preview_plays.isChecked(),
            "sound_at_end": self.sound_at_end.isChecked(),
            "cache_limit_mb": self.cache.value(),
        }
        return Preferences.model_validate(self._before.model_dump() | fields)

    # -- construction ---------------------------------------------------------------------------

    def _make_look(self, preferences: Preferences, devices: list[str]) -> None:
        self.theme = self._choice(
            {
                "system": self.tr("follow system"),
                "light": self.tr("light"),
                "dark": self.tr("dark"),
            },
            preferences.theme,
        )
        self.device = self._choice(
            {"": self.tr("system default")} | {name: name for name in devices},
            preferences.output_device,
        )
        self.models = QLineEdit(preferences.models_folder)
        self.ffmpeg = QLineEdit(preferences.ffmpeg)
        self.ffmpeg.setPlaceholderText(self.tr("as found; reads M4A, WMA, WavPack and others"))

    def _make_renders(self, preferences: Preferences) -> None:
        self.render_folder = QLineEdit(preferences.render_folder)
        self.render_folder.setPlaceholderText(self.tr("“dreams” folder beside each sound"))
        self.name = QLineEdit(preferences.name)
        self.name.setToolTip("\n".join(f"{{{name}}}: {what}" for name, what in FIELDS.items()))
        self.example = QLabel()
        self.name.textChanged.connect(self._check)
        self.format = self._choice({name: name for name in FORMATS}, preferences.format)
        self.bits = self._choice(
            {"": self.tr("as source (24 or more)"), "16": "16", "24": "24", "32f": "32f"},
            preferences.bits or "",
        )
        self.format.activated.connect(lambda _: self._check())
        self.bits.activated.connect(lambda _: self._check())
        self.renders = {name: QCheckBox(name) for name in RENDER_NAMES}
        for name, box in self.renders.items():
            box.setChecked(name in preferences.renders)
            box.toggled.connect(lambda _: self._check())

    def _make_previews(self, preferences: Preferences) -> None:
        self.preview_seconds = QDoubleSpinBox()
        self.preview_seconds.setRange(0.5, 60)
        self.preview_seconds.setSuffix(self.tr(" s"))
        self.preview_seconds.setValue(preferences.preview_seconds)
        self.preview_plays = QCheckBox(self.tr("Play previews when done"))
        self.preview_plays.setChecked(preferences.preview_plays)
        self.sound_at_end = QCheckBox(self.tr("Play a sound when the queue finishes"))
        self.sound_at_end.setChecked(preferences.sound_at_end)

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.addRow(self.tr("Theme"), self.theme)
        form.addRow(self.tr("Audio device"), self.device)
        form.addRow(self.tr("Models folder"), self._with_button(self.models))
        form.addRow(self.tr("ffmpeg"), self._with_button(self.ffmpeg, is_file=True))
        form.addRow(self.tr("Render folder"), self._with_button(self.render_folder))
        form.addRow(self.tr("Render names"), self.name)
        form.addRow("", self.example)
        form.addRow(self.tr("Format"), self.format)
        form.addRow(self.tr("Bits"), self.bits)
        row = QHBoxLayout()
        for box in self.renders.values():
            row.addWidget(box)
        form.addRow(self.tr("Renders"), row)
        form.addRow(self.tr("Preview length"), self.preview_seconds)
        form.addRow("", self.preview_plays)
        form.addRow("", self.sound_at_end)
        form.addRow(self.tr("View cache"), self._cache_row())
        names = {
            self.theme: self.tr("Theme"),
            self.device: self.tr("Audio device"),
            self.models: self.tr("Models folder"),
            self.ffmpeg: self.tr("ffmpeg"),
            self.render_folder: self.tr("Render folder"),
            self.cache: self.tr("View cache limit"),
            self.name: self.tr("Render names"),
            self.format: self.tr("Format"),
            self.bits: self.tr("Bits"),
            self.preview_seconds: self.tr("Preview length"),
        }
        for widget, name in names.items():
            widget.setAccessibleName(name)
        return form

    def _cache_row(self) -> QHBoxLayout:
        used = QLabel(self.tr("{0:.0f} MB used").format(self._disk.size() / 2**20))
        clear = QPushButton(self.tr("Clear"))
        clear.setAccessibleName(self.tr("Clear view cache"))

        def clear_cache() -> None:
            self._disk.clear()
            used.setText(self.tr("{0:.0f} MB used").format(0))

        clear.clicked.connect(clear_cache)
        row = QHBoxLayout()
        for part in (self.cache, used, clear):
            row.addWidget(part)
        return row

    def _choice(self, choices: dict[str, str], now: str) -> QComboBox:
        box = QComboBox()
        for value, text in choices.items():
            box.addItem(text, value)
        box.setCurrentIndex(max(box.findData(now), 0))
        return box

    def _with_button(self, edit: QLineEdit, *, is_file: bool = False) -> QHBoxLayout:
        button = QPushButton(self.tr("Choose…"))

        def choose() -> None:
            if is_file:
                chosen, _ = QFileDialog.getOpenFileName(self, self.windowTitle(), edit.text())
            else:
                chosen = QFileDialog.getExistingDirectory(self, self.windowTitle(), edit.text())
            if chosen:
                edit.setText(chosen)

        button.clicked.connect(choose)
        row = QHBoxLayout()
        row.addWidget(edit, 1)
        row.addWidget(button)
        return row

    def _check(self) -> None:
        """Report invalid settings, and show an example file name."""
        problem = ""
        form = self.format.currentData()
        bits = self.bits.currentData() or None
        if bits is not None and bits not in FORMAT_BITS.get(form, ()):
            bits = None
            self.bits.setCurrentIndex(0)
        renders = [name for name, box in self.renders.items() if box.isChecked()]
        try:
            RenderOptions.make(
                renders=renders, format=form, bits=bits, name=self.name.text(), clash="number"
            )
            self.example.setText(expand(self.name.text(), EXAMPLE) + f".{form}")
        except RecipeError as error:
            problem = str(error)
        self.problem.setText(problem)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not problem)
