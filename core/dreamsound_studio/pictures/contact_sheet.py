"""Contact sheet: an HTML page to compare variations, with spectrograms and players."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dreamsound_studio.files import write_atomic
from dreamsound_studio.pictures.html import STYLE, escape_html, judged_line, picture, player


@dataclass
class Variation:
    """One variation.

    Attributes
    ----------
    number : int
        1, 2, ...
    fields : dict
        The varied fields and their values.
    recipe : dict
        The complete recipe.
    renders : dict
        Files by render, relative to the page.
    picture : str or None
        Its spectrogram, relative to the page.
    before, after : dict or None
        Class and score in the source and in the dream.
    judged : mapping or None
        What a second model hears in both, as `Judgement.as_dict` gives it.
    gain_db : float or None
        Gain applied to match levels, dB.
    warnings : list of str
        Its warnings.
    error : str or None
        The error, if it failed.
    """

    number: int
    fields: dict[str, Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    renders: dict[str, str] = field(default_factory=dict)
    picture: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    judged: Mapping[str, Any] | None = None
    gain_db: float | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass
class ContactSheet:
    """The contents of the page.

    Attributes
    ----------
    source : str
        Name of the sound.
    source_path : str
        Its path, relative to the page if it lies beside it.
    picture : str or None
        Its spectrogram.
    model : str
        The network.
    common : dict
        Recipe fields shared by all variations that differ from the defaults.
    planned : int
        Number of variations in total.
    variations : list of Variation
        The finished variations.
    """

    source: str
    source_path: str
    picture: str | None
    model: str
    common: dict[str, Any]
    planned: int
    variations: list[Variation] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write ``index.html`` and ``index.json``, each atomically.

        Raises
        ------
        AudioFileError
            A file cannot be written.
        """
        write_atomic(folder / "index.json", json.dumps(asdict(self), indent=1, ensure_ascii=False))
        write_atomic(folder / "index.html", self.page())

    def page(self) -> str:
        """Return the page as HTML."""
        cards = [_source_card(self), *(_card(variation) for variation in self.variations)]
        rows = "".join(
            f"<tr><th>{escape_html(name)}</th><td>{escape_html(value)}</td></tr>"
            for name, value in {"model": self.model, **self.common}.items()
        )
        done = f"{len(self.variations)} of {self.planned} variations"
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width">\n'
            f"<title>{escape_html(self.source)}: {done}</title>\n"
            f"<style>{STYLE}</style></head>\n<body>"
            f"<header><h1>{escape_html(self.source)}</h1><p>{done}</p>"
            f"<p><button onclick=\"order('number', 1)\">Sort by number</button> "
            f"<button onclick=\"order('score', -1)\">Sort by score</button></p>"
            f"<details><summary>Common settings</summary><table>{rows}</table></details>"
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
        f"<b>{escape_html(name)}</b> {escape_html(value)}"
        for name, value in variation.fields.items()
    )
    if variation.error is not None:
        content = f'<p class="error">{escape_html(variation.error)}</p>'
    else:
        players = [player(name, path) for name, path in variation.renders.items()]
        content = picture(variation.picture) + _change(variation) + "".join(players)
    warnings = "".join(f'<p class="warning">{escape_html(line)}</p>' for line in variation.warnings)
    return (
        f'<article data-number="{variation.number}" data-score="{score:.6f}">'
        f"<h2>{variation.number}</h2><p>{fields}</p>{content}{warnings}</article>"
    )


def _change(variation: Variation) -> str:
    if variation.before is None or variation.after is None:
        return ""
    before, after = variation.before, variation.after
    level = "" if variation.gain_db is None else f", level {variation.gain_db:+.1f} dB"
    if not after["class"]:  # of a model without classes
        return f"<p>{level.removeprefix(', ')}</p>{judged_line(variation.judged)}"
    return (
        f"<p>{escape_html(after['class'])} {before['score']:.3f} → {after['score']:.3f}{level}</p>"
        f"{judged_line(variation.judged)}"
    )


SCRIPT = """
function order(key, sign) {
  const cards = document.getElementById("cards");
  const all = [...cards.children];
  all.sort((a, b) => (a.dataset.number === "0" ? -1 : b.dataset.number === "0" ? 1 :
    sign * (a.dataset[key] - b.dataset[key])));
  cards.append(...all);
}
"""
