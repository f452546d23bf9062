"""All that can be done, once: menus, toolbar, key table and palette are fed by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QMenu, QWidget

from dreamsound_desktop.icons import icon

CONTEXT = "Actions"


def marked(context: str, text: str) -> str:
    """Return a text as it is, marked to be translated later: Qt's ``QT_TRANSLATE_NOOP``, typed."""
    del context
    return text


_ = marked
MENUS = (
    _("Actions", "&File"),
    _("Actions", "&Edit"),
    _("Actions", "&View"),
    _("Actions", "&Transport"),
    _("Actions", "&Dream"),
    _("Actions", "&Queue"),
    _("Actions", "&Help"),
)
FILE, EDIT, VIEW, TRANSPORT, DREAM, QUEUE, HELP = MENUS


@dataclass(frozen=True)
class ActionSpec:
    """Something that can be done.

    Attributes
    ----------
    name : str
        Unique.
    menu : str
        One of `MENUS`.
    text, tip : str
        For the menu and for the status bar, to be translated.
    keys : str
        Its shortcut, as `QKeySequence` reads it; several by a semicolon.
    icon : str
        One of `dreamsound_desktop.icons.SHAPES`.
    checkable : bool
        Whether it is on or off.
    begins_group : bool
        Whether a line stands above it in the menu.
    """

    name: str
    menu: str
    text: str
    keys: str = ""
    tip: str = ""
    icon: str = ""
    checkable: bool = False
    begins_group: bool = False


#: name, menu, text, keys, tip, icon
ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open", FILE, _("Actions", "&Open…"), "Ctrl+O",
               _("Actions", "Open sounds, or a render to have its recipe again"), "open"),
    ActionSpec("add_folder", FILE, _("Actions", "Add &folder to queue…"), "Ctrl+Shift+O",
               _("Actions", "Dream every sound of a folder; its tree is kept"), "folder"),
    ActionSpec("close", FILE, _("Actions", "&Close"), "Ctrl+W",
               _("Actions", "Close this sound; its recipe and takes are kept")),
    ActionSpec("save_preset", FILE, _("Actions", "&Save preset…"), "Ctrl+S",
               _("Actions", "Keep the recipe under a name"), "save", begins_group=True),
    ActionSpec("import_preset", FILE, _("Actions", "&Import preset…"), "Ctrl+Shift+I",
               _("Actions", "Copy preset files into your presets")),
    ActionSpec("export_take", FILE, _("Actions", "&Export take…"), "Ctrl+E",
               _("Actions", "Copy the renders of the take to a folder")),
    ActionSpec("copy_command", FILE, _("Actions", "Copy as co&mmand"), "Ctrl+Shift+C",
               _("Actions", "Copy the command line that renders the same")),
    ActionSpec("reveal", FILE, _("Actions", "Show in fol&der"), "Ctrl+Shift+R",
               _("Actions", "Show the folder of the take, or of the sound"), "folder"),
    ActionSpec("quit", FILE, _("Actions", "&Quit"), "Ctrl+Q",
               _("Actions", "Quit; what renders goes on, and all is here again next time"),
               begins_group=True),
    ActionSpec("undo", EDIT, _("Actions", "&Undo"), "Ctrl+Z", "", "undo"),
    ActionSpec("redo", EDIT, _("Actions", "&Redo"), "Ctrl+Shift+Z", "", "redo"),
    ActionSpec("select_all", EDIT, _("Actions", "Select &all"), "Ctrl+A",
               _("Actions", "Select the whole sound"), begins_group=True),
    ActionSpec("select_none", EDIT, _("Actions", "Select &nothing"), "Ctrl+D",
               _("Actions", "A render dreams the whole sound then")),
    ActionSpec("select_from", EDIT, _("Actions", "Selection &begins here"), "Ctrl+[",
               _("Actions", "Begin the selection at the playhead")),
    ActionSpec("select_to", EDIT, _("Actions", "Selection &ends here"), "Ctrl+]",
               _("Actions", "End the selection at the playhead")),
    ActionSpec("extend_left", EDIT, _("Actions", "Extend selection to the left"), "Shift+Left"),
    ActionSpec("extend_right", EDIT, _("Actions", "Extend selection to the right"), "Shift+Right"),
    ActionSpec("band_top_up", EDIT, _("Actions", "Band: top higher"), "Ctrl+Up",
               begins_group=True),
    ActionSpec("band_top_down", EDIT, _("Actions", "Band: top lower"), "Ctrl+Down"),
    ActionSpec("band_bottom_up", EDIT, _("Actions", "Band: bottom higher"), "Ctrl+Shift+Up"),
    ActionSpec("band_bottom_down", EDIT, _("Actions", "Band: bottom lower"), "Ctrl+Shift+Down"),
    ActionSpec("band_none", EDIT, _("Actions", "Band: all frequencies"), "Ctrl+Shift+D"),
    ActionSpec("preferences", EDIT, _("Actions", "&Preferences…"), "Ctrl+,", "", "settings",
               begins_group=True),
    ActionSpec("zoom_in", VIEW, _("Actions", "Zoom &in"), "Ctrl++;Ctrl+=", "", "zoom_in"),
    ActionSpec("zoom_out", VIEW, _("Actions", "Zoom &out"), "Ctrl+-", "", "zoom_out"),
    ActionSpec("zoom_all", VIEW, _("Actions", "&Whole sound"), "F", "", "fit"),
    ActionSpec("zoom_selection", VIEW, _("Actions", "Zoom to &selection"), "Shift+F"),
    ActionSpec("scroll_left", VIEW, _("Actions", "Scroll to the left"), "PgUp"),
    ActionSpec("scroll_right", VIEW, _("Actions", "Scroll to the right"), "PgDown"),
    ActionSpec("amplitude_up", VIEW, _("Actions", "Waveform higher"), "Shift+Up"),
    ActionSpec("amplitude_down", VIEW, _("Actions", "Waveform lower"), "Shift+Down"),
    ActionSpec("cursor_up", VIEW, _("Actions", "Cursor: higher"), "Up", begins_group=True),
    ActionSpec("cursor_down", VIEW, _("Actions", "Cursor: lower"), "Down"),
    ActionSpec("fft_larger", VIEW, _("Actions", "Larger FFT"), "]", begins_group=True),
    ActionSpec("fft_smaller", VIEW, _("Actions", "Smaller FFT"), "["),
    ActionSpec("next_scale", VIEW, _("Actions", "Next frequency axis"), "M",
               _("Actions", "Linear, logarithmic, mel")),
    ActionSpec("next_colours", VIEW, _("Actions", "Next colour map"), "C"),
    ActionSpec("next_channel", VIEW, _("Actions", "Next channel of the spectrogram"), "Shift+C",
               _("Actions", "The mono mix, and each channel")),
    ActionSpec("range_up", VIEW, _("Actions", "Spectrogram brighter"), "Alt+PgUp"),
    ActionSpec("range_down", VIEW, _("Actions", "Spectrogram darker"), "Alt+PgDown"),
    ActionSpec("next_pane", VIEW, _("Actions", "Next pane"), "F6", begins_group=True),
    ActionSpec("previous_pane", VIEW, _("Actions", "Previous pane"), "Shift+F6"),
    ActionSpec("next_tab", VIEW, _("Actions", "Next sound"), "Ctrl+PgDown"),
    ActionSpec("previous_tab", VIEW, _("Actions", "Previous sound"), "Ctrl+PgUp"),
    ActionSpec("reset_layout", VIEW, _("Actions", "Reset layout")),
    ActionSpec("play", TRANSPORT, _("Actions", "&Play or stop"), "Space", "", "play"),
    ActionSpec("loop", TRANSPORT, _("Actions", "&Loop"), "L",
               _("Actions", "Play the selection, or the take, again and again"), "loop",
               checkable=True),
    ActionSpec("to_start", TRANSPORT, _("Actions", "To the start"), "Home"),
    ActionSpec("to_end", TRANSPORT, _("Actions", "To the end"), "End"),
    ActionSpec("step_left", TRANSPORT, _("Actions", "Playhead to the left"), "Left"),
    ActionSpec("step_right", TRANSPORT, _("Actions", "Playhead to the right"), "Right"),
    ActionSpec("next_marker", TRANSPORT, _("Actions", "Next marker"), "Ctrl+Right"),
    ActionSpec("previous_marker", TRANSPORT, _("Actions", "Previous marker"), "Ctrl+Left"),
    ActionSpec("hear_a", TRANSPORT, _("Actions", "Hear A, the source"), "1", begins_group=True),
    ActionSpec("hear_b", TRANSPORT, _("Actions", "Hear B"), "2"),
    ActionSpec("hear_c", TRANSPORT, _("Actions", "Hear C"), "3"),
    ActionSpec("hear_d", TRANSPORT, _("Actions", "Hear D"), "4"),
    ActionSpec("hear_dream", TRANSPORT, _("Actions", "Hear the dream"), "Shift+1",
               begins_group=True),
    ActionSpec("hear_gradient", TRANSPORT, _("Actions", "Hear the gradient"), "Shift+2"),
    ActionSpec("hear_hardcut", TRANSPORT, _("Actions", "Hear the hard cut"), "Shift+3"),
    ActionSpec("hear_filtered", TRANSPORT, _("Actions", "Hear the filtered carrier"), "Shift+4"),
    ActionSpec("hear_difference", TRANSPORT, _("Actions", "Hear the difference"), "Shift+5"),
    ActionSpec("step_back", TRANSPORT, _("Actions", "Earlier step of the take"), ","),
    ActionSpec("step_on", TRANSPORT, _("Actions", "Later step of the take"), "."),
    ActionSpec("level_match", TRANSPORT, _("Actions", "Level-&match"), "Shift+M",
               _("Actions", "Hear everything as loud as the source"), checkable=True,
               begins_group=True),
    ActionSpec("louder", TRANSPORT, _("Actions", "Louder"), "Alt+Right"),
    ActionSpec("softer", TRANSPORT, _("Actions", "Softer"), "Alt+Left"),
    ActionSpec("preview", DREAM, _("Actions", "&Preview"), "P",
               _("Actions", "Dream the selection, or two seconds, at once"), "preview"),
    ActionSpec("render", DREAM, _("Actions", "&Render"), "Return;Enter",
               _("Actions", "Put the selection, or all of the sound, into the queue"), "render"),
    ActionSpec("finish", DREAM, _("Actions", "&Stop here and keep"), "Ctrl+Return",
               _("Actions", "End what runs after this step, and keep it"), "keep"),
    ActionSpec("cancel", DREAM, _("Actions", "&Cancel"), "Esc",
               _("Actions", "Call off what runs for this sound"), "cancel"),
    ActionSpec("again", DREAM, _("Actions", "Dream &again from this take"), "Ctrl+R",
               _("Actions", "Go on dreaming from the take that is chosen"), "again"),
    ActionSpec("star_take", DREAM, _("Actions", "&Star this take"), "S",
               _("Actions", "Mark the take that is chosen as one to keep"), "star"),
    ActionSpec("remove_take", DREAM, _("Actions", "Remove this &take"), "Alt+Del",
               _("Actions", "Take it out of the list; its files stay, and it can be undone")),
    ActionSpec("variations", DREAM, _("Actions", "&Variations…"), "V",
               _("Actions", "Preview a grid of seeds and strengths"), "grid"),
    ActionSpec("listen", DREAM, _("Actions", "What does the model &hear?"), "H",
               _("Actions", "Play the sound to the model, and show what it hears"), "ear",
               begins_group=True),
    ActionSpec("search_class", DREAM, _("Actions", "&Find a class…"), "Ctrl+F",
               _("Actions", "Choose what to dream of by its name"), "search"),
    ActionSpec("paper", DREAM, _("Actions", "As in the pa&per"), "Ctrl+T",
               _("Actions", "Take the paper's formulas literally"), checkable=True),
    ActionSpec("reset_recipe", DREAM, _("Actions", "Reset the recipe"), "Ctrl+Shift+N"),
    ActionSpec("pause", QUEUE, _("Actions", "&Pause the queue"), "Ctrl+P",
               _("Actions", "Begin no more renders; what runs goes on"), "pause", checkable=True),
    ActionSpec("queue_up", QUEUE, _("Actions", "Move &up"), "Alt+Up", begins_group=True),
    ActionSpec("queue_down", QUEUE, _("Actions", "Move &down"), "Alt+Down"),
    ActionSpec("queue_top", QUEUE, _("Actions", "Move to the &top"), "Alt+Home"),
    ActionSpec("queue_cancel", QUEUE, _("Actions", "&Cancel job"), "Ctrl+Del", "", "cancel"),
    ActionSpec("queue_finish", QUEUE, _("Actions", "&Stop job here and keep"),
               "Ctrl+Shift+Return", "", "keep"),
    ActionSpec("queue_retry", QUEUE, _("Actions", "&Retry job"), "Ctrl+Shift+T", "", "again"),
    ActionSpec("queue_open", QUEUE, _("Actions", "&Open result"), "Alt+Return", "", "open"),
    ActionSpec("queue_reveal", QUEUE, _("Actions", "Show result in &folder"), "Alt+Shift+Return"),
    ActionSpec("queue_remove", QUEUE, _("Actions", "Re&move job"), "Shift+Del"),
    ActionSpec("queue_clear", QUEUE, _("Actions", "C&lear what is over"), "Ctrl+Shift+Del"),
    ActionSpec("queue_report", QUEUE, _("Actions", "Rep&ort…"), "Ctrl+Shift+P",
               _("Actions", "What was made, what failed, and why"), "report",
               begins_group=True),
    ActionSpec("palette", HELP, _("Actions", "&Command palette…"), "Ctrl+K",
               _("Actions", "Find anything that can be done by its name"), "search"),
    ActionSpec("keys", HELP, _("Actions", "&Keys…"), "F1", "", "help"),
    ActionSpec("welcome", HELP, _("Actions", "&Models…"), "",
               _("Actions", "Find or fetch a model")),
    ActionSpec("worker_log", HELP, _("Actions", "Worker's &log")),
    ActionSpec("about", HELP, _("Actions", "&About DreamSound Studio"), begins_group=True),
)  # fmt: skip
del _


class Actions:
    """The actions of a window.

    Parameters
    ----------
    window : QWidget
        That they belong to.
    changed : dict
        Shortcuts of the user's, by name.
    """

    def __init__(self, window: QWidget, changed: dict[str, str]) -> None:
        self._window = window
        self._actions: dict[str, QAction] = {}
        for spec in ACTIONS:
            action = QAction(translated(spec.text), window)
            action.setObjectName(spec.name)
            action.setCheckable(spec.checkable)
            self._actions[spec.name] = action
            window.addAction(action)
        self.set_keys(changed)
        self.recolour(window.palette())

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())

    def bind(self, name: str, function: Callable[..., Any]) -> None:
        """Let an action do something; one that is on or off tells which."""
        action = self._actions[name]
        if action.isCheckable():
            action.triggered.connect(lambda checked: function(checked))
        else:
            action.triggered.connect(lambda _=False: function())

    def set_keys(self, changed: dict[str, str]) -> None:
        """Take shortcuts; those not named have their own."""
        for spec in ACTIONS:
            action = self._actions[spec.name]
            keys = changed.get(spec.name, spec.keys)
            action.setShortcuts([QKeySequence(key) for key in keys.split(";") if key])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            plain = plain_text(action.text())
            tip = translated(spec.tip) if spec.tip else plain
            action.setStatusTip(tip)
            action.setToolTip(f"{tip} ({shown})" if shown else tip)

    def recolour(self, palette: QPalette) -> None:
        """Draw the icons in a palette's colours."""
        for spec in ACTIONS:
            if spec.icon:
                self._actions[spec.name].setIcon(icon(spec.icon, palette))

    def fill_menu(self, menu: QMenu, title: str) -> None:
        """Put all actions of a menu into one."""
        for spec in ACTIONS:
            if spec.menu == title:
                if spec.begins_group:
                    menu.addSeparator()
                menu.addAction(self._actions[spec.name])

    def menu_of(self, names: Iterable[str], parent: QWidget) -> QMenu:
        """Return a context menu; an empty name is a line."""
        menu = QMenu(parent)
        for name in names:
            if name:
                menu.addAction(self._actions[name])
            else:
                menu.addSeparator()
        return menu


def clashes(keys: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return actions that have one shortcut: the shortcut, and both names.

    Parameters
    ----------
    keys : dict
        Shortcuts of the user's, by name.
    """
    seen: dict[str, str] = {}
    found = []
    for spec in ACTIONS:
        for key in keys.get(spec.name, spec.keys).split(";"):
            shown = QKeySequence(key).toString()
            if not shown:
                continue
            if shown in seen:
                found.append((shown, seen[shown], spec.name))
            seen[shown] = spec.name
    return found


def translated(text: str) -> str:
    """Return a text of the table in the user's language."""
    return QCoreApplication.translate(CONTEXT, text)


def plain_text(text: str) -> str:
    """Return a menu's text as it is read."""
    return text.replace("&", "").rstrip("…")
