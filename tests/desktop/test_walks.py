"""Walks over the whole app: names for the screen reader, keys, gestures, words to translate."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAccessible, QKeySequence
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QComboBox,
    QDialog,
    QLineEdit,
    QScrollBar,
    QWidget,
)

import dreamsound_desktop
from dreamsound_desktop.actions.actions import clashes
from dreamsound_desktop.actions.table import ACTIONS, MENUS
from dreamsound_desktop.dialogs.keys import KeysDialog
from dreamsound_desktop.panels.field_widgets import FileEdit
from dreamsound_desktop.panels.preset_list import PresetList
from dreamsound_desktop.panels.queue import QueueTable
from dreamsound_desktop.state.heard import ClassScores

FOLDER = Path(dreamsound_desktop.__file__).parent


def dialogs(window) -> list[QDialog]:
    from dreamsound_desktop.dialogs.about import AboutDialog, TextDialog
    from dreamsound_desktop.dialogs.models import ModelsDialog
    from dreamsound_desktop.dialogs.palette import CommandPalette
    from dreamsound_desktop.dialogs.preferences import PreferencesDialog
    from dreamsound_desktop.dialogs.preset_dialog import PresetDialog
    from dreamsound_desktop.dialogs.variations import AskVariations, VariationsDialog
    from dreamsound_desktop.state.takes import DreamTake
    from dreamsound_desktop.windows.crash import CrashDialog

    document = window.session.current
    return [
        AboutDialog(window),
        TextDialog("Report", "text", window),
        CrashDialog("report", window),
        ModelsDialog(window),
        CommandPalette(window.actions_, window),
        PreferencesDialog(window.studio.preferences, window.studio.disk, ["Speakers"], window),
        KeysDialog({}, window),
        AskVariations(document, window),
        PresetDialog("Save", "Mine", ("tag",), "note", ["tag"], window),
        VariationsDialog(document, [DreamTake(number=1, name="v")], [0], [0.1], window),
    ]


def nameless(root: QWidget) -> list[str]:
    """Focusable widgets that a screen reader has no name for."""
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        if not widget.focusPolicy() & Qt.FocusPolicy.TabFocus or isinstance(widget, QScrollBar):
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        name = interface.text(QAccessible.Text.Name) if interface is not None else ""
        owner = widget.parent()
        # What is inside a spin box or an editable box is named by it.
        if not name and isinstance(owner, QWidget) and owner.focusProxy() is widget:
            continue
        if not name and _is_popup(widget):
            continue
        # What is painted on belongs to the view that it is in.
        if isinstance(owner, QAbstractScrollArea) and owner.viewport() is widget:
            continue
        if not name and owner is not None and type(owner).__name__ in (
            "QSpinBox", "QDoubleSpinBox", "QKeySequenceEdit", "QDialogButtonBox", "QTabWidget",
        ):  # fmt: skip
            interface = QAccessible.queryAccessibleInterface(owner)
            name = interface.text(QAccessible.Text.Name) if interface is not None else ""
        if not name.strip():
            found.append(f"{type(widget).__name__} in {_path(widget)}")
    return found


def _is_popup(widget: QObject) -> bool:
    """The list that a combo box opens is named by the box."""
    one: QObject | None = widget
    while one is not None:
        if isinstance(one, QComboBox):
            return one is not widget and bool(one.accessibleName())
        one = one.parent()
    return False


def _path(widget: QObject) -> str:
    names = []
    one: QObject | None = widget
    while one is not None:
        names.append(type(one).__name__)
        one = one.parent()
    return " < ".join(names[:6])


def test_every_control_of_the_window_has_a_name(window):
    window.studio.listening.heard.emit(
        window.session.current.path, ClassScores("yamnet", 0.48, 0.96)
    )
    window.live.plots.clear()
    assert nameless(window) == []


def test_every_control_of_the_dialogs_has_a_name(window):
    opened = dialogs(window)
    for dialog in opened:
        assert nameless(dialog) == [], type(dialog).__name__
        dialog.close()


def test_the_walk_finds_a_control_without_a_name(qtbot):
    from PySide6.QtWidgets import QLineEdit, QVBoxLayout

    root = QWidget()
    QVBoxLayout(root).addWidget(QLineEdit())
    qtbot.addWidget(root)
    assert nameless(root)


def test_no_two_actions_have_one_shortcut():
    assert clashes({}) == []
    assert clashes({"preview": "L"}) == [("L", "loop", "preview")]


def test_every_action_does_something_is_in_a_menu_and_is_documented(window):
    for spec in ACTIONS:
        action = window.actions_[spec.name]
        assert action.receivers("2triggered(bool)") > 0, f"{spec.name} does nothing"
        assert spec.menu in MENUS
        assert action.text()
        assert action.statusTip()
        if spec.keys:
            shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            assert shown in action.toolTip(), f"the tip of {spec.name} does not tell its key"
    assert len({spec.name for spec in ACTIONS}) == len(ACTIONS)


#: What the mouse does, and what does the same without it.
GESTURES = (
    ("drag", "extend_right"),
    ("drag edge", "select_to"),
    ("alt drag", "band_top_up"),
    ("click", "step_right"),
    ("double click", "play"),
    ("wheel", "zoom_in"),
    ("shift wheel", "scroll_right"),
    ("ctrl wheel", "amplitude_up"),
    ("middle drag", "scroll_left"),
    ("drag row", "queue_up"),
    ("drag take out", "export_take"),
    ("drop files", "open"),
    ("drop folder", "add_folder"),
    ("drop preset", "import_preset"),
    ("hover", "cursor_up"),
)


def test_every_gesture_of_the_mouse_has_an_action_with_a_key_or_a_menu():
    """Whatever handles the mouse in the source stands in GESTURES with what does the same."""
    known = {spec.name for spec in ACTIONS}
    assert all(action in known for _, action in GESTURES)
    handlers = {
        "mouseDragEvent": "drag", "wheelEvent": "wheel", "mouseClickEvent": "click",
        "dropEvent": "drop files", "mimeData": "drag take out", "dropMimeData": "drag row",
        "mouseMoveEvent": "hover", "mousePressEvent": "click",
    }  # fmt: skip
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith(
                ("mouse", "wheel", "drop")
            ):
                assert node.name in handlers, f"{path.name}: {node.name} has no key"
                assert handlers[node.name] in dict(GESTURES)


def test_what_is_dropped_reaches_who_does_something_with_it(window):
    """No view between the mouse and the window takes files and does nothing with them."""
    window.studio.listening.heard.emit(
        window.session.current.path, ClassScores("yamnet", 0.48, 0.96)
    )
    window.live.plots.clear()
    known = (QLineEdit, PresetList, QueueTable, FileEdit)
    for widget in window.findChildren(QWidget):
        if not widget.acceptDrops():
            continue
        owner = widget.parent()
        is_viewport = isinstance(owner, QAbstractScrollArea) and owner.viewport() is widget
        taker = owner if is_viewport else widget
        assert isinstance(taker, known), f"{_path(widget)} swallows what is dropped"
    assert window.acceptDrops()


#: Methods that show their text, and which arguments are text.
SHOWING = {
    "setText": [0], "setToolTip": [0], "setStatusTip": [0], "setWindowTitle": [0],
    "setPlaceholderText": [0], "setAccessibleName": [0], "setAccessibleDescription": [0],
    "setTitle": [0], "setPrefix": [0], "setSuffix": [0], "setSpecialValueText": [0],
    "setLabelText": [0], "addTab": [1], "addRow": [0], "addAction": [0], "addMenu": [0],
    "QLabel": [0], "QPushButton": [0, 1], "QCheckBox": [0], "QGroupBox": [0], "QDockWidget": [0],
    "QMenu": [0], "QToolBar": [0], "QMessageBox": [0, 1, 2], "say": [0], "tell": [0],
    "setHeaderLabels": [0], "setHorizontalHeaderLabels": [0], "setTabToolTip": [1],
}  # fmt: skip


def untranslated(source: str) -> list[str]:
    """Texts with letters that are shown without having gone through tr()."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        for place in SHOWING.get(name, []):
            if place < len(node.args):
                found += [f"{name}: {text}" for text in _texts(node.args[place])]
    return found


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        words = node.value.replace("REAPER", "").replace("DreamSound Studio", "")
        # Formulas, signs and names of fields are the same in every language.
        is_word = any(letter.isalpha() for letter in words) and ":" not in words.split(" ")[0]
        return [node.value] if is_word and not words.isspace() else []
    if isinstance(node, ast.List | ast.Tuple):
        return [text for one in node.elts for text in _texts(one)]
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    if isinstance(node, ast.BinOp):
        return _texts(node.left) + _texts(node.right)
    if isinstance(node, ast.JoinedStr):
        parts = [one for one in node.values if isinstance(one, ast.Constant)]
        # Signs between numbers, units and names of files do not count as words.
        texts = [re.sub(r"<[^>]*>|\b(Hz|dB|MB)\b", "", str(one.value)) for one in parts]
        return [text for text in texts if _texts(ast.Constant(text))]
    return []


def test_every_text_that_is_shown_can_be_translated():
    found = {
        path.name: texts
        for path in FOLDER.rglob("*.py")
        if (texts := untranslated(path.read_text("utf-8")))
    }
    assert found == {}


def test_the_walk_finds_a_text_outside_of_tr():
    assert untranslated("label.setText('Hello')")
    assert untranslated("QLabel('Hello' if x else tr('Bye'))")
    assert untranslated("QLabel(f'Hello {name}')")
    assert not untranslated("QLabel(f'{width} x {height} <b>{unit}</b> Hz'.strip())")
    assert not untranslated("label.setText(self.tr('Hello'))")


@pytest.mark.parametrize(
    "code",
    [
        "from dreamsound_desktop import app; app._application(); app.main_window().show()",
        "from dreamsound_desktop.windows import job_window",
        "from dreamsound_desktop.dialogs import models, variations, preferences, about",
    ],
)
def test_tensorflow_is_never_imported(code):
    script = f"{code}\nimport sys\nprint('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "False"


def test_the_state_and_the_analysis_load_without_qt():
    script = (
        "import sys, dreamsound_desktop.state.session, dreamsound_desktop.state.requests, "
        "dreamsound_desktop.analysis.spectrogram, dreamsound_desktop.playback.mixer\n"
        "print([name for name in sys.modules if name.startswith(('PySide6', 'pyqtgraph'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"
