"""A row of check boxes for the renders to make."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from dreamsound_studio.render.options import RENDER_NAMES


class RenderBoxes(QWidget):
    """One check box per render; at least one stays checked.

    Parameters
    ----------
    chosen : tuple of str
        Checked renders, of `dreamsound_studio.render.options.RENDER_NAMES`.
    parent : QWidget
        Parent widget.

    Signals
    -------
    changed(tuple)
        The checked renders, in the order of the names.
    """

    changed = Signal(tuple)

    def __init__(self, chosen: tuple[str, ...], parent: QWidget) -> None:
        super().__init__(parent)
        texts = {
            "dream": (self.tr("dream"), self.tr("The sound after the last step")),
            "gradient": (
                self.tr("gradient"),
                self.tr("The gradient alone: what excites the network"),
            ),
            "hardcut": (self.tr("hard cut"), self.tr("The filter made audible")),
            "filtered": (self.tr("filtered"), self.tr("The carrier after the filter")),
            "difference": (self.tr("difference"), self.tr("The dream minus the source")),
        }
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.boxes: dict[str, QCheckBox] = {}
        for name in RENDER_NAMES:
            text, tip = texts[name]
            box = QCheckBox(text)
            box.setToolTip(tip)
            box.setAccessibleName(self.tr("Make render {0}").format(text))
            box.setChecked(name in chosen)
            box.toggled.connect(self._on_toggled)
            self.boxes[name] = box
            layout.addWidget(box)
        layout.addStretch(1)
        self._keep_one()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The checked renders."""
        return tuple(name for name, box in self.boxes.items() if box.isChecked())

    def _on_toggled(self) -> None:
        self._keep_one()
        self.changed.emit(self.chosen)

    def _keep_one(self) -> None:
        last = self.chosen if len(self.chosen) == 1 else ()
        for name, box in self.boxes.items():
            box.setEnabled(name not in last)
