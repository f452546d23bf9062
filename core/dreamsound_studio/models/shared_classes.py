"""Classes of different networks that mean the same. No TensorFlow here."""

from __future__ import annotations

from dreamsound_studio.models.names import NameTable

#: Classes of AudioSet, as YAMNet spells them, with the tags of musicnn that mean the same, best
#: first. Names that differ only in case are not listed. Only what a listener would call by either
#: name is here: *Speech* is not ``voice``, which the tags have for song as well.
SAME_MEANING: dict[str, tuple[str, ...]] = {
    "Ambient music": ("ambient",),
    "Bowed string instrument": ("strings",),
    "Choir": ("choral",),
    "Classical music": ("classical",),
    "Dance music": ("dance",),
    "Drum": ("drums",),
    "Drum kit": ("drums",),
    "Electronic music": ("electronic",),
    "Folk music": ("folk",),
    "Happy music": ("happy",),
    "Heavy metal": ("metal",),
    "Hip hop music": ("Hip-Hop",),
    "House music": ("House",),
    "Independent music": ("indie",),
    "New-age music": ("new age",),
    "Pop music": ("pop",),
    "Punk rock": ("punk",),
    "Rhythm and blues": ("rnb",),
    "Rock music": ("rock",),
    "Sad music": ("sad",),
    "Singing": ("vocals", "vocal"),
    "Soul music": ("soul",),
    "String section": ("strings",),
    "Synthesizer": ("synth",),
    "Violin, fiddle": ("violin",),
    "Vocal music": ("vocal", "vocals"),
}


def shared_class(name: str, table: NameTable) -> int | None:
    """Return the class of a network that means the same as another network's class.

    Parameters
    ----------
    name : str
        The class, as the other network spells it.
    table : NameTable
        The network's names.

    Returns
    -------
    int or None
        The index of the class with this name in any case; of the first that `SAME_MEANING` gives
        for it, in either direction; or None if there is none.
    """
    wanted = name.casefold()
    index = {one.casefold(): number for number, one in reversed([*enumerate(table.class_names)])}
    tags = {known.casefold(): tags for known, tags in SAME_MEANING.items()}.get(wanted, ())
    classes = [
        known for known, tags in SAME_MEANING.items() if wanted in (tag.casefold() for tag in tags)
    ]
    candidates = (wanted, *(one.casefold() for one in (*tags, *classes)))
    return next((index[one] for one in candidates if one in index), None)
