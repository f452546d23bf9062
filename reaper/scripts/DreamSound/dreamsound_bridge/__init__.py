# @noindex
"""DreamSound's bridge for REAPER, in Python: dumps facts and applies plans, without any maths.

Standard library only, Python 3.8. REAPER may keep modules from one run of a script to the next:
each run reloads them from their files.
"""

import importlib
import sys


def start(action, main, preset=None):
    """Run an action.

    Parameters
    ----------
    action : str
        One of ``dreamsound_bridge.actions.ACTIONS``.
    main : dict
        The script's globals, which contain ``RPR_defer``.
    preset : str, optional
        Name of a preset.
    """
    for name in [name for name in sys.modules if name.startswith(__name__ + ".")]:
        del sys.modules[name]
        globals().pop(name[len(__name__) + 1 :], None)
    importlib.import_module(__name__ + ".actions").run(action, main, preset)
