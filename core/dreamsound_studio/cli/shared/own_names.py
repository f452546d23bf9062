"""Names of renders for sounds that differ in no part of the template: kick.wav beside kick.flac."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from dreamsound_studio.recipe.naming import expand

_STEM, _NUMBER = "{stem}", "{n}"


def own_names(sounds: Sequence[tuple[str, Path]], template: str) -> list[str]:
    """Return a template for each sound, so that files of different names have different renders.

    Parameters
    ----------
    sounds : sequence of (str, pathlib.Path)
        Each file, and the folder of its renders.
    template : str
        As ``recipe.naming.check_template`` takes it.

    Returns
    -------
    list of str
        The template itself, unless another file's renders would have the same names: then with the
        file's extension after its stem, or with a number where that is the same too. Files of one
        name, in different folders, keep theirs: whoever wants them in one folder says how.
    """
    templates = [template] * len(sounds)
    if _STEM not in template or _NUMBER in template:
        return templates
    alike: dict[tuple[Path, str], list[int]] = defaultdict(list)
    for place, (path, out) in enumerate(sounds):
        # Systems may not tell upper from lower case, and characters that no name may have are gone.
        alike[out, expand(_STEM, {"stem": Path(path).stem}).casefold()].append(place)
    for places in alike.values():
        names = list(dict.fromkeys(Path(sounds[place][0]).name for place in places))
        if len(names) > 1:
            endings = _endings(names)
            for place in places:
                ending = endings[Path(sounds[place][0]).name]
                templates[place] = template.replace(_STEM, f"{_STEM}{ending}")
    return templates


def _endings(names: list[str]) -> dict[str, str]:
    """Return what to add to the stem of each of some different file names."""
    found: dict[str, str] = {}
    for name in names:
        extension = re.sub(r"\W", "", Path(name).suffix.casefold(), flags=re.ASCII)
        ending = f"_{extension}" if extension else ""
        number = 1
        while ending in found.values():
            number += 1
            ending = f"_{extension}_{number}" if extension else f"_{number}"
        found[name] = ending
    return found
