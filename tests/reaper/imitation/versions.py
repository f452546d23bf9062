"""What REAPER's versions have: the functions and keys by which they differ for the bridge.

From the function lists that REAPER 6.24, 6.47, 6.74, 7.08 and 7.70 generate.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Functions whose text Lua passed as an argument, up to 6.24; since then it is only returned.
BUFFERED = frozenset({"GetMediaSourceType", "GetMediaSourceFileName", "GetProjectPathEx"})
STRETCH_KEYS = frozenset({"I_STRETCHFLAGS", "F_STRETCHFADESIZE"})


@dataclass(frozen=True)
class Version:
    """A version.

    Attributes
    ----------
    number : str
        Such as 7.08.
    lacks : frozenset of str
        Functions that it does not have.
    lacks_keys : frozenset of str
        Keys that its getters answer with 0, and its setters with false.
    needs_buffers : bool
        Whether Lua must pass a text to the functions of `BUFFERED`.
    """

    number: str
    lacks: frozenset[str] = frozenset()
    lacks_keys: frozenset[str] = frozenset()
    needs_buffers: bool = False


_OLD = frozenset({"set_action_options"})
VERSIONS = {
    one.number: one
    for one in (
        Version("6.24", _OLD | {"PCM_Source_BuildPeaks"}, STRETCH_KEYS, needs_buffers=True),
        Version("6.47", _OLD, STRETCH_KEYS),
        Version("6.74", _OLD, STRETCH_KEYS),
        Version("7.08"),
        Version("7.70"),
    )
}
