"""The one table of actions. It feeds the menus, toolbar, key table and command palette."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

CONTEXT = "Actions"


def marked(context: str, text: str) -> str:
    """Return `text` unchanged, marked for translation: a typed ``QT_TRANSLATE_NOOP``."""
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
    """An action.

    Attributes
    ----------
    name : str
        Unique.
    menu : str
        One of `MENUS`.
    text, tip : str
        Untranslated texts for the menu and the status bar.
    keys : str
        Shortcut in `QKeySequence` syntax; separate several with semicolons.
    icon : str
        One of `dreamsound_desktop.icons.SHAPES`.
    checkable : bool
        Whether it can be toggled.
    begins_group : bool
        Whether a separator precedes it in the menu.
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
               _("Actions", "Open sounds, or a render to restore its recipe"), "open"),
    ActionSpec("add_folder", FILE, _("Actions", "Add &folder to queue…"), "Ctrl+Shift+O",
               _("Actions", "Queue every sound in a folder; keeps the folder structure"), "folder"),
    ActionSpec("close", FILE, _("Actions", "&Close"), "Ctrl+W",
               _("Actions", "Close this sound; keeps its recipe and takes")),
    ActionSpec("save_preset", FILE, _("Actions", "&Save preset…"), "Ctrl+S",
               _("Actions", "Save the recipe under a name"), "save", begins_group=True),
    ActionSpec("import_preset", FILE, _("Actions", "&Import preset…"), "Ctrl+Shift+I",
               _("Actions", "Copy preset files into your presets")),
    ActionSpec("export_take", FILE, _("Actions", "&Export take…"), "Ctrl+E",
               _("Actions", "Copy the take's renders to a folder")),
    ActionSpec("copy_command", FILE, _("Actions", "Copy as co&mmand"), "Ctrl+Shift+C",
               _("Actions", "Copy the equivalent command line")),
    ActionSpec("reveal", FILE, _("Actions", "Show in fol&der"), "Ctrl+Shift+R",
               _("Actions", "Show the take or the sound in its folder"), "folder"),
    ActionSpec("quit", FILE, _("Actions", "&Quit"), "Ctrl+Q",
               _("Actions", "Quit; renders continue and the session reopens next time"),
               begins_group=True),
    ActionSpec("undo", EDIT, _("Actions", "&Undo"), "Ctrl+Z", "", "undo"),
    ActionSpec("redo", EDIT, _("Actions", "&Redo"), "Ctrl+Shift+Z", "", "redo"),
    ActionSpec("history", EDIT, _("Actions", "&History…"), "Ctrl+H",
               _("Actions", "List the edits of this sound, and go back to any of them")),
    ActionSpec("select_all", EDIT, _("Actions", "Select &all"), "Ctrl+A",
               _("Actions", "Select the whole sound"), begins_group=True),
    ActionSpec("select_none", EDIT, _("Actions", "Clear selectio&n"), "Ctrl+D",
               _("Actions", "Clear the selection; Render then dreams the whole sound")),
    ActionSpec("select_from", EDIT, _("Actions", "Set selection &start"), "Ctrl+[",
               _("Actions", "Start the selection at the playhead")),
    ActionSpec("select_to", EDIT, _("Actions", "Set selection &end"), "Ctrl+]",
               _("Actions", "End the selection at the playhead")),
    ActionSpec("extend_left", EDIT, _("Actions", "Extend selection left"), "Shift+Left"),
    ActionSpec("extend_right", EDIT, _("Actions", "Extend selection right"), "Shift+Right"),
    ActionSpec("band_top_up", EDIT, _("Actions", "Raise top of band"), "Ctrl+Up",
               begins_group=True),
    ActionSpec("band_top_down", EDIT, _("Actions", "Lower top of band"), "Ctrl+Down"),
    ActionSpec("band_bottom_up", EDIT, _("Actions", "Raise bottom of band"), "Ctrl+Shift+Up"),
    ActionSpec("band_bottom_down", EDIT, _("Actions", "Lower bottom of band"), "Ctrl+Shift+Down"),
    ActionSpec("band_none", EDIT, _("Actions", "Clear band (all frequencies)"), "Ctrl+Shift+D"),
    ActionSpec("preferences", EDIT, _("Actions", "&Preferences…"), "Ctrl+,", "", "settings",
               begins_group=True),
    ActionSpec("zoom_in", VIEW, _("Actions", "Zoom &in"), "Ctrl++;Ctrl+=", "", "zoom_in"),
    ActionSpec("zoom_out", VIEW, _("Actions", "Zoom &out"), "Ctrl+-", "", "zoom_out"),
    ActionSpec("zoom_all", VIEW, _("Actions", "Zoom to &whole sound"), "F", "", "fit"),
    ActionSpec("zoom_selection", VIEW, _("Actions", "Zoom to &selection"), "Shift+F"),
    ActionSpec("scroll_left", VIEW, _("Actions", "Scroll left"), "PgUp"),
    ActionSpec("scroll_right", VIEW, _("Actions", "Scroll right"), "PgDown"),
    ActionSpec("amplitude_up", VIEW, _("Actions", "Zoom in on amplitude"), "Shift+Up"),
    ActionSpec("amplitude_down", VIEW, _("Actions", "Zoom out on amplitude"), "Shift+Down"),
    ActionSpec("cursor_up", VIEW, _("Actions", "Move cursor up"), "Up", begins_group=True),
    ActionSpec("cursor_down", VIEW, _("Actions", "Move cursor down"), "Down"),
    ActionSpec("fft_larger", VIEW, _("Actions", "Larger FFT"), "]", begins_group=True),
    ActionSpec("fft_smaller", VIEW, _("Actions", "Smaller FFT"), "["),
    ActionSpec("next_scale", VIEW, _("Actions", "Next frequency axis"), "M",
               _("Actions", "Switch the axis between linear, logarithmic and mel")),
    ActionSpec("next_colours", VIEW, _("Actions", "Next colour map"), "C"),
    ActionSpec("next_channel", VIEW, _("Actions", "Next spectrogram channel"), "Shift+C",
               _("Actions", "Switch between the mono mix and each channel")),
    ActionSpec("range_up", VIEW, _("Actions", "Brighten spectrogram"), "Alt+PgUp"),
    ActionSpec("range_down", VIEW, _("Actions", "Darken spectrogram"), "Alt+PgDown"),
    ActionSpec("show_split", VIEW, _("Actions", "Show source a&bove take"), "X",
               _("Actions", "Show the source above, and what is heard below"), checkable=True,
               begins_group=True),
    ActionSpec("show_overlay", VIEW, _("Actions", "Show take &over source"), "O",
               _("Actions", "Paint the source behind the take's waveform"), checkable=True),
    ActionSpec("show_difference", VIEW, _("Actions", "Show &difference from source"), "D",
               _("Actions", "Show how many dB the take is louder or softer, in time and frequency"),
               checkable=True),
    ActionSpec("next_pane", VIEW, _("Actions", "Next pane"), "F6", begins_group=True),
    ActionSpec("previous_pane", VIEW, _("Actions", "Previous pane"), "Shift+F6"),
    ActionSpec("next_tab", VIEW, _("Actions", "Next sound"), "Ctrl+PgDown"),
    ActionSpec("previous_tab", VIEW, _("Actions", "Previous sound"), "Ctrl+PgUp"),
    ActionSpec("reset_layout", VIEW, _("Actions", "Reset layout")),
    ActionSpec("play", TRANSPORT, _("Actions", "&Play/stop"), "Space", "", "play"),
    ActionSpec("loop", TRANSPORT, _("Actions", "&Loop"), "L",
               _("Actions", "Loop the selection or the take"), "loop",
               checkable=True),
    ActionSpec("to_start", TRANSPORT, _("Actions", "Go to start"), "Home"),
    ActionSpec("to_end", TRANSPORT, _("Actions", "Go to end"), "End"),
    ActionSpec("step_left", TRANSPORT, _("Actions", "Move playhead left"), "Left"),
    ActionSpec("step_right", TRANSPORT, _("Actions", "Move playhead right"), "Right"),
    ActionSpec("next_marker", TRANSPORT, _("Actions", "Next marker"), "Ctrl+Right"),
    ActionSpec("previous_marker", TRANSPORT, _("Actions", "Previous marker"), "Ctrl+Left"),
    ActionSpec("hear_a", TRANSPORT, _("Actions", "Listen to A (source)"), "1", begins_group=True),
    ActionSpec("hear_b", TRANSPORT, _("Actions", "Listen to B"), "2"),
    ActionSpec("hear_c", TRANSPORT, _("Actions", "Listen to C"), "3"),
    ActionSpec("hear_d", TRANSPORT, _("Actions", "Listen to D"), "4"),
    ActionSpec("hear_dream", TRANSPORT, _("Actions", "Listen to the dream"), "Shift+1",
               begins_group=True),
    ActionSpec("hear_gradient", TRANSPORT, _("Actions", "Listen to the gradient"), "Shift+2"),
    ActionSpec("hear_hardcut", TRANSPORT, _("Actions", "Listen to the hard cut"), "Shift+3"),
    ActionSpec("hear_filtered", TRANSPORT, _("Actions", "Listen to the filtered carrier"),
               "Shift+4"),
    ActionSpec("hear_difference", TRANSPORT, _("Actions", "Listen to the difference"), "Shift+5"),
    ActionSpec("step_back", TRANSPORT, _("Actions", "Previous step of the take"), ","),
    ActionSpec("step_on", TRANSPORT, _("Actions", "Next step of the take"), "."),
    ActionSpec("level_match", TRANSPORT, _("Actions", "Match l&evels"), "Shift+M",
               _("Actions", "Play the source and all takes as loud as the softest of them"),
               checkable=True, begins_group=True),
    ActionSpec("louder", TRANSPORT, _("Actions", "Louder"), "Alt+Right"),
    ActionSpec("softer", TRANSPORT, _("Actions", "Quieter"), "Alt+Left"),
    ActionSpec("preview", DREAM, _("Actions", "&Preview"), "P",
               _("Actions", "Dream the selection, or two seconds at the playhead, right away"),
               "preview"),
    ActionSpec("render", DREAM, _("Actions", "&Render"), "Return;Enter",
               _("Actions", "Queue the selection, or the whole sound"), "render"),
    ActionSpec("finish", DREAM, _("Actions", "&Stop and keep"), "Ctrl+Return",
               _("Actions", "Stop the running render after this step and keep the result"), "keep"),
    ActionSpec("cancel", DREAM, _("Actions", "&Cancel"), "Esc",
               _("Actions", "Cancel this sound's jobs"), "cancel"),
    ActionSpec("again", DREAM, _("Actions", "Dream &again from this take"), "Ctrl+R",
               _("Actions", "Continue dreaming from the selected take"), "again"),
    ActionSpec("star_take", DREAM, _("Actions", "S&tar take"), "S",
               _("Actions", "Mark the selected take as a favourite"), "star"),
    ActionSpec("remove_take", DREAM, _("Actions", "Remo&ve take"), "Alt+Del",
               _("Actions", "Remove the selected take from the list; keeps its files, undoable")),
    ActionSpec("compare_takes", DREAM, _("Actions", "Co&mpare recipes…"), "Shift+D",
               _("Actions", "Show the fields in which the recipes of B, C and D differ")),
    ActionSpec("variations", DREAM, _("Actions", "Var&iations…"), "V",
               _("Actions", "Preview a grid of seeds and strengths or depths"), "grid"),
    ActionSpec("listen", DREAM, _("Actions", "S&how what the model hears"), "H",
               _("Actions", "Run the model on the sound and show the classes it hears"), "ear",
               begins_group=True),
    ActionSpec("search_class", DREAM, _("Actions", "&Find class…"), "Ctrl+F",
               _("Actions", "Choose a class by name"), "search"),
    ActionSpec("paper", DREAM, _("Actions", "As in the pap&er"), "Ctrl+T",
               _("Actions", "Use the paper's formulas as they are"), checkable=True),
    ActionSpec("reset_recipe", DREAM, _("Actions", "Reset recipe"), "Ctrl+Shift+N"),
    ActionSpec("pause", QUEUE, _("Actions", "&Pause queue"), "Ctrl+P",
               _("Actions", "Start no new renders; running ones finish"), "pause", checkable=True),
    ActionSpec("queue_up", QUEUE, _("Actions", "Move &up"), "Alt+Up", begins_group=True),
    ActionSpec("queue_down", QUEUE, _("Actions", "Move &down"), "Alt+Down"),
    ActionSpec("queue_top", QUEUE, _("Actions", "Move to &top"), "Alt+Home"),
    ActionSpec("queue_cancel", QUEUE, _("Actions", "&Cancel job"), "Ctrl+Del", "", "cancel"),
    ActionSpec("queue_finish", QUEUE, _("Actions", "&Stop job and keep"),
               "Ctrl+Shift+Return", "", "keep"),
    ActionSpec("queue_retry", QUEUE, _("Actions", "&Retry job"), "Ctrl+Shift+T", "", "again"),
    ActionSpec("queue_open", QUEUE, _("Actions", "&Open result"), "Alt+Return", "", "open"),
    ActionSpec("queue_reveal", QUEUE, _("Actions", "Show result in &folder"), "Alt+Shift+Return"),
    ActionSpec("queue_remove", QUEUE, _("Actions", "Re&move job"), "Shift+Del"),
    ActionSpec("queue_clear", QUEUE, _("Actions", "C&lear finished jobs"), "Ctrl+Shift+Del"),
    ActionSpec("queue_report", QUEUE, _("Actions", "R&eport…"), "Ctrl+Shift+P",
               _("Actions", "List finished and failed jobs, with reasons"), "report",
               begins_group=True),
    ActionSpec("palette", HELP, _("Actions", "&Command palette…"), "Ctrl+K",
               _("Actions", "Find any action by name"), "search"),
    ActionSpec("keys", HELP, _("Actions", "&Keyboard shortcuts…"), "F1", "", "help"),
    ActionSpec("welcome", HELP, _("Actions", "&Models…"), "",
               _("Actions", "Find or download models")),
    ActionSpec("worker_log", HELP, _("Actions", "Worker &log")),
    ActionSpec("about", HELP, _("Actions", "&About DreamSound Studio"), begins_group=True),
)  # fmt: skip
del _


def translated(text: str) -> str:
    """Return a text of the action table in the user's language."""
    return QCoreApplication.translate(CONTEXT, text)


def plain_text(text: str) -> str:
    """Return a menu text without mnemonic and ellipsis."""
    return text.replace("&", "").rstrip("…")
