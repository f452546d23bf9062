"""What pages that show sounds have in common: pictures, players, and how they look."""

from __future__ import annotations

import html
import urllib.parse
import uuid
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import AudioFileError


def picture(path: str | None) -> str:
    """Return a spectrogram, by its path from the page; nothing where there is none."""
    return "" if path is None else f'<img src="{_address(path)}" alt="spectrogram" loading="lazy">'


def player(name: str, path: str) -> str:
    """Return a player for a sound, by its path from the page."""
    return (
        f'<label>{text_of(name)} <audio controls preload="none" src="{_address(path)}"></audio>'
        f'</label><a href="{_address(path)}">{text_of(Path(path).name)}</a>'
    )


def _address(path: str) -> str:
    """Return a path as the address of a link: a number sign or a quote is no end of it."""
    return html.escape(urllib.parse.quote(path.replace("\\", "/")), quote=True)


def text_of(value: Any) -> str:
    """Return a value as text that a page may hold."""
    return html.escape(str(value), quote=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file as a whole, or not at all; raise `AudioFileError` where it fails."""
    unfinished = path.with_name(f".{uuid.uuid4().hex[:8]}.partial")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise AudioFileError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #888; --bad: #c43; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1500px; padding: 1.5rem; }
h1 { font-size: 1.3rem; margin: 0 } h2 { font-size: 1rem; margin: 0; color: var(--soft) }
header p { margin: .3rem 0; color: var(--soft) }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr));
  margin-top: 1rem }
article { border: 1px solid var(--line); border-radius: 8px; padding: .8rem }
article p { margin: .3rem 0 } article a { color: var(--soft); font-size: .8rem }
img { width: 100%; border-radius: 4px } audio { width: 100%; height: 34px }
label { display: block; font-size: .85rem; color: var(--soft) }
.error { color: var(--bad) } .warning { color: var(--soft); font-size: .85rem }
th { text-align: left; font-weight: normal; color: var(--soft); padding-right: 1rem }
button { font: inherit } td { word-break: break-word }
"""
