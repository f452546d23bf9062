"""A page to choose from: variations of a sound, with spectrograms and players."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dreamsound_studio.pictures.html import STYLE, picture, player, text_of, write_whole


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
        write_whole(folder / "index.json", json.dumps(asdict(self), indent=1, ensure_ascii=False))
        write_whole(folder / "index.html", self.page())

    def page(self) -> str:
        """Return the page."""
        cards = [_source_card(self), *(_card(variation) for variation in self.variations)]
        rows = "".join(
            f"<tr><th>{text_of(name)}</th><td>{text_of(value)}</td></tr>"
            for name, value in {"model": self.model, **self.common}.items()
        )
        done = f"{len(self.variations)} of {self.planned} variations"
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width">\n'
            f"<title>{text_of(self.source)}: {done}</title>\n<style>{STYLE}</style></head>\n<body>"
            f"<header><h1>{text_of(self.source)}</h1><p>{done}</p>"
            f"<p><button onclick=\"order('number', 1)\">by number</button> "
            f"<button onclick=\"order('score', -1)\">by score</button></p>"
            f"<details><summary>the same for all</summary><table>{rows}</table></details>"
            f"</header>\n"
            f'<main id="cards">\n{chr(10).join(cards)}\n</main>\n<script>{SCRIPT}</script>\n'
            f"</body></html>\n"
        )


def _source_card(sheet: ContactSheet) -> str:
    return (
        f'<article data-number="0" data-score="2"><h2>source</h2>{picture(sheet.picture)}'
        f"{player('source', sheet.source_path)}</article>"
    )


def _card(variation: Variation) -> str:
    score = -1.0 if variation.after is None else float(variation.after["score"])
    fields = " ".join(
        f"<b>{text_of(name)}</b> {text_of(value)}" for name, value in variation.fields.items()
    )
    if variation.error is not None:
        content = f'<p class="error">{text_of(variation.error)}</p>'
    else:
        players = [player(name, path) for name, path in variation.renders.items()]
        content = picture(variation.picture) + _change(variation) + "".join(players)
    warnings = "".join(f'<p class="warning">{text_of(line)}</p>' for line in variation.warnings)
    return (
        f'<article data-number="{variation.number}" data-score="{score:.6f}">'
        f"<h2>{variation.number}</h2><p>{fields}</p>{content}{warnings}</article>"
    )


def _change(variation: Variation) -> str:
    if variation.before is None or variation.after is None:
        return ""
    before, after = variation.before, variation.after
    level = "" if variation.gain_db is None else f", levelled by {variation.gain_db:+.1f} dB"
    return f"<p>{text_of(after['class'])} {before['score']:.3f} → {after['score']:.3f}{level}</p>"


SCRIPT = """
function order(key, sign) {
  const cards = document.getElementById("cards");
  const all = [...cards.children];
  all.sort((a, b) => (a.dataset.number === "0" ? -1 : b.dataset.number === "0" ? 1 :
    sign * (a.dataset[key] - b.dataset[key])));
  cards.append(...all);
}
"""
