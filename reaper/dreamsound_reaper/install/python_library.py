"""Python in REAPER: whether it is enabled, and which library to enter."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Final

from dreamsound_reaper.install.places import MACOS, WINDOWS

#: Bits of a Windows program, by the machine type in its header.
PE_BITS: Final = {0x014C: 32, 0x8664: 64, 0xAA64: 64}
#: Bits of a macOS program, by its first bytes; universal binaries start differently.
MACH_BITS: Final = {b"\xce\xfa\xed\xfe": 32, b"\xcf\xfa\xed\xfe": 64}


@dataclass(frozen=True)
class PythonInReaper:
    """Python settings in ``reaper.ini``.

    Attributes
    ----------
    is_on : bool
        Whether Python is enabled.
    library : pathlib.Path or None
        The library, if one is set.
    """

    is_on: bool
    library: Path | None


def python_in_reaper(ini: str) -> PythonInReaper:
    """Read the Python settings of ``reaper.ini``; it is never written.

    Parameters
    ----------
    ini : str
        The whole file. ``reascript=1`` enables Python; ``pythonlibpath64`` is the folder and
        ``pythonlibdll64`` the file name or the full path.
    """
    settings: dict[str, str] = {}
    in_section = False
    for line in ini.splitlines():
        text = line.strip()
        if text.startswith("["):
            in_section = text.casefold() == "[reaper]"
        elif in_section and "=" in text:
            key, _, value = text.partition("=")
            settings.setdefault(key.strip().casefold(), value.strip())
    folder, name = settings.get("pythonlibpath64", ""), settings.get("pythonlibdll64", "")
    library = Path(folder) / name if name else None
    return PythonInReaper(settings.get("reascript") == "1", library)


def library_candidates(
    system: str, variables: Mapping[str, Any], base: str, version: tuple[int, int]
) -> Iterator[PurePath]:
    """Yield candidate paths of Python's library, best first.

    Parameters
    ----------
    system : str
        From `platform.system`.
    variables : mapping
        From `sysconfig.get_config_vars`.
    base : str
        `sys.base_prefix`: outside any virtual environment.
    version : (int, int)
        Python version.
    """
    major, minor = version
    if system == WINDOWS:
        yield PureWindowsPath(base) / f"python{major}{minor}.dll"
        return
    kind = "dylib" if system == MACOS else "so"
    names = [
        variables.get("INSTSONAME"),
        variables.get("LDLIBRARY"),
        f"libpython{major}.{minor}.{kind}",
    ]
    if system == MACOS:
        framework = variables.get("PYTHONFRAMEWORKPREFIX")
        if framework:
            yield PurePosixPath(framework) / str(
                variables.get("LDLIBRARY") or "Python.framework/Python"
            )
            yield PurePosixPath(framework) / f"Python.framework/Versions/{major}.{minor}/Python"
        names.reverse()
    else:
        names += [f"libpython{major}.{minor}.so.1.0", f"libpython{major}.{minor}.so.1"]
    folders = [variables.get("LIBDIR"), f"{base}/lib", variables.get("LIBPL")]
    if variables.get("LIBDIR") and variables.get("MULTIARCH"):
        folders.insert(1, f"{variables['LIBDIR']}/{variables['MULTIARCH']}")
    for folder in filter(None, folders):
        for name in filter(None, names):
            if not str(name).endswith(".a"):
                yield PurePosixPath(str(folder)) / str(name)


def python_library(is_file: Callable[[Path], bool] = Path.is_file) -> Path | None:
    """Return a library of this Python that REAPER can load; None if there is none."""
    found = library_candidates(
        platform.system(), sysconfig.get_config_vars(), sys.base_prefix, sys.version_info[:2]
    )
    return next((Path(place) for place in found if is_file(Path(place))), None)


def what_to_enter(library: Path | None) -> str:
    """Return what to enter in REAPER's Python preferences."""
    where = "Options > Preferences > Plug-ins > ReaScript"
    if library is None:
        return (
            f"{where}: enable Python and enter the library of a Python from python.org (the "
            "Python that runs DreamSound has none)"
        )
    return (
        f"{where}: enable Python, enter {library.parent} as the library folder and "
        f"{library.name} as the file, then restart REAPER"
    )


def binary_bits(path: Path) -> int | None:
    """Return the bits (32 or 64) of a program or library; None if unknown."""
    with suppress(OSError, IndexError), path.open("rb") as file:
        head = file.read(4096)
        if head[:4] == b"\x7fELF":
            return 64 if head[4] == 2 else 32
        if head[:2] == b"MZ":
            start = int.from_bytes(head[0x3C:0x40], "little")
            if head[start : start + 4] == b"PE\0\0":
                return PE_BITS.get(int.from_bytes(head[start + 4 : start + 6], "little"))
        return MACH_BITS.get(head[:4])
    return None


def programs_of_reaper(system: str, environment: Mapping[str, str], resource: Path) -> list[Path]:
    """Return candidate paths of the REAPER program, portable first."""
    if system == WINDOWS:
        roots = [environment.get(name) for name in ("ProgramFiles", "ProgramFiles(x86)")]
        usual = [Path(root) / part for root in roots if root for part in ("REAPER (x64)", "REAPER")]
        return [folder / "reaper.exe" for folder in (resource, *usual)]
    if system == MACOS:
        inside = "REAPER.app/Contents/MacOS/REAPER"
        return [resource / inside, Path("/Applications") / inside]
    homes = [resource, Path("/opt/REAPER"), Path.home() / "opt/REAPER"]
    return [folder / "reaper" for folder in homes]
