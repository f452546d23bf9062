"""A page to choose from: variations of a sound, with spectrograms and players."""

from __future__ import annotations

import html
import json
import urllib.parse
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dreamsound.errors import AudioFileError


@dataclass
class Variation:
    """One variation.

    Attributes
    ----------
    number : int
        1, 2, ...
    fields : dict
        What is varied, and how.
    recipe : dict
        All of it.
    renders : dict
        Files by render, relative to the page.
    picture : str or None
        Its spectrogram, relative to the page.
    before, after : dict or None
        Class and score in the source and in the dream.
    gain_db : float or None
        What the dream was levelled by, dB.
    warnings : list of str
        What was said about it.
    error : str or None
        Why there is none.
    """

    number: int
    fields: dict[str, Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    renders: dict[str, str] = field(default_factory=dict)
    picture: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    gain_db: float | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass
class ContactSheet:
    """What the page shows.

    Attributes
    ----------
    source : str
        Name of the sound.
    source_path : str
        Where it is, relative to the page if it lies beside it.
    picture : str or None
        Its spectrogram.
    model : str
        The network.
    common : dict
        What of the recipe all variations share and is no default.
    planned : int
        How many variations there will be.
    variations : list of Variation
        Those that are done.
    """

    source: str
    source_path: str
    picture: str | None
    model: str
    common: dict[str, Any]
    planned: int
    variations: list[Variation] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write ``index.html`` and ``index.json``, each as a whole.

        Raises
        ------
        AudioFileError
            They cannot be written.
        """
        _write(folder / "index.json", json.dumps(asdict(self), indent=1, ensure_ascii=False))
        _write(folder / "index.html", self.page())

    def page(self) -> str:
        """Return the page."""
        cards = [_source_card(self), *(_card(variation) for variation in self.variations)]
        rows = "".join(
            f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>"
            for name, value in {"model": self.model, **self.common}.items()
        )
        done = f"{len(self.variations)} of {self.planned} variations"
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width">\n'
            f"<title>{_text(self.source)}: {done}</title>\n<style>{STYLE}</style></head>\n<body>"
            f"<header><h1>{_text(self.source)}</h1><p>{done}</p>"
            f"<p><button onclick=\"order('number', 1)\">by number</button> "
            f"<button onclick=\"order('score', -1)\">by score</button></p>"
            f"<details><summary>the same for all</summary><table>{rows}</table></details>"
            f"</header>\n"
            f'<main id="cards">\n{chr(10).join(cards)}\n</main>\n<script>{SCRIPT}</script>\n'
            f"</body></html>\n"
        )


def _source_card(sheet: ContactSheet) -> str:
    return (
        f'<article data-number="0" data-score="2"><h2>source</h2>{_picture(sheet.picture)}'
        f"{_player('source', sheet.source_path)}</article>"
    )


def _card(variation: Variation) -> str:
    score = -1.0 if variation.after is None else float(variation.after["score"])
    fields = " ".join(
        f"<b>{_text(name)}</b> {_text(value)}" for name, value in variation.fields.items()
    )
    if variation.error is not None:
        content = f'<p class="error">{_text(variation.error)}</p>'
    else:
        players = [_player(name, path) for name, path in variation.renders.items()]
        content = _picture(variation.picture) + _change(variation) + "".join(players)
    warnings = "".join(f'<p class="warning">{_text(line)}</p>' for line in variation.warnings)
    return (
        f'<article data-number="{variation.number}" data-score="{score:.6f}">'
        f"<h2>{variation.number}</h2><p>{fields}</p>{content}{warnings}</article>"
    )


def _change(variation: Variation) -> str:
    if variation.before is None or variation.after is None:
        return ""
    before, after = variation.before, variation.after
    level = "" if variation.gain_db is None else f", levelled by {variation.gain_db:+.1f} dB"
    return f"<p>{_text(after['class'])} {before['score']:.3f} → {after['score']:.3f}{level}</p>"


def _picture(path: str | None) -> str:
    return "" if path is None else f'<img src="{_address(path)}" alt="spectrogram" loading="lazy">'


def _player(name: str, path: str) -> str:
    return (
        f'<label>{_text(name)} <audio controls preload="none" src="{_address(path)}"></audio>'
        f'</label><a href="{_address(path)}">{_text(Path(path).name)}</a>'
    )


def _address(path: str) -> str:
    """Return a path as the address of a link: a number sign or a quote is no end of it."""
    return html.escape(urllib.parse.quote(path.replace("\\", "/")), quote=True)


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)


def _write(path: Path, text: str) -> None:
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
SCRIPT = """
function order(key, sign) {
  const cards = document.getElementById("cards");
  const all = [...cards.children];
  all.sort((a, b) => (a.dataset.number === "0" ? -1 : b.dataset.number === "0" ? 1 :
    sign * (a.dataset[key] - b.dataset[key])));
  cards.append(...all);
}
"""
