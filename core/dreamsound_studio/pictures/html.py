"""Common parts of the HTML pages: spectrograms, players and style."""

from __future__ import annotations

import html
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dreamsound_studio.dream.judgement import Judgement


def picture(path: str | None) -> str:
    """Return an image of a spectrogram, by its path from the page; empty for None."""
    return "" if path is None else f'<img src="{_address(path)}" alt="spectrogram" loading="lazy">'


def player(name: str, path: str) -> str:
    """Return an audio player, by the sound's path from the page."""
    return (
        f'<label>{escape_html(name)} <audio controls preload="none" src="{_address(path)}"></audio>'
        f'</label><a href="{_address(path)}">{escape_html(Path(path).name)}</a>'
    )


def judged_line(judged: Mapping[str, Any] | None) -> str:
    """Return what a second model hears, as `Judgement.as_dict` gives it; empty for None."""
    if judged is None:
        return ""
    return f'<p class="judged">{escape_html(Judgement.from_dict(judged))}</p>'


def _address(path: str) -> str:
    """Return a path as a link's address, with special characters such as # and quotes escaped."""
    address = urllib.parse.quote(path.replace("\\", "/"), errors="surrogateescape")
    return html.escape(address, quote=True)


def escape_html(value: Any) -> str:
    """Return a value as escaped HTML."""
    return html.escape(str(value), quote=True)


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
.error { color: var(--bad) } .judged { color: var(--soft) }
.warning { color: var(--soft); font-size: .85rem }
th { text-align: left; font-weight: normal; color: var(--soft); padding-right: 1rem }
button { font: inherit } td { word-break: break-word }
"""
