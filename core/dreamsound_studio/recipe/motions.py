"""How the sounds of a class move: which defaults of `sculpt` reach it.

The grid of a learned filter decides how sounds can move. On a fine and fast one, gains draw any
glide, and the network is content with many small ones; other listeners take these for birds. So
sounds that run on get a slow grid, sounds that strike get few bands and short times, and those that
hold a pitch get tones to choose from. What each motion is worth stands in ``docs/sculpt.md``.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from functools import cache

from dreamsound_studio.errors import ModelError, RecipeError
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.recipe.objective import Atom, Class, FromModel, Objective


class Motion(Enum):
    """How a sound moves."""

    FREE = "free"
    HELD = "held"
    STRUCK = "struck"
    STEADY = "steady"


#: AudioSet's classes that do not move freely. They are those of its ontology [1]_ under the names
#: in the comments.
#:
#: References
#: ----------
#: .. [1] J. F. Gemmeke et al., "Audio Set: an ontology and human-labeled dataset for audio
#:    events", ICASSP 2017.
MOTIONS: dict[Motion, tuple[str, ...]] = {
    Motion.HELD: ("Whistling", "Whistle"),
    Motion.STRUCK: (
        # Explosion
        *("Explosion", "Gunshot, gunfire", "Machine gun", "Fusillade", "Artillery fire"),
        *("Cap gun", "Fireworks", "Firecracker", "Burst, pop", "Eruption", "Boom"),
    ),
    Motion.STEADY: (
        # Engine
        *("Engine", "Light engine (high frequency)", "Dental drill, dentist's drill"),
        *("Lawn mower", "Chainsaw", "Medium engine (mid frequency)"),
        *("Heavy engine (low frequency)", "Engine knocking", "Engine starting", "Idling"),
        "Accelerating, revving, vroom",
        # Power tool, and household machines with a motor
        *("Power tool", "Drill", "Vacuum cleaner", "Hair dryer", "Blender"),
        *("Electric shaver, electric razor", "Mechanical fan", "Air conditioning"),
        # Engines of vehicles
        *("Motorcycle", "Aircraft engine", "Jet engine", "Propeller, airscrew", "Helicopter"),
    ),
}
_MOTION_OF = {name: motion for motion, names in MOTIONS.items() for name in names}


def motion_of(terms: Objective, model: str) -> Motion:
    """Return how what an objective names moves.

    Parameters
    ----------
    terms : Objective
        The objective.
    model : str
        The recipe's model, which hears atoms that name none.

    Returns
    -------
    Motion
        That of all its terms with a positive weight, if these are classes of one motion; otherwise,
        and for classes that are chosen by listening, `Motion.FREE`.
    """
    motions = {_motion_of_atom(atom, model) for weight, atom in terms.terms if weight > 0}
    return motions.pop() if len(motions) == 1 else Motion.FREE


def _motion_of_atom(atom: Atom, model: str) -> Motion:
    if isinstance(atom, FromModel):
        return _motion_of_atom(atom.atom, atom.model)
    return _motion_of_class(atom.name, model) if isinstance(atom, Class) else Motion.FREE


@cache
def _motion_of_class(name: str, model: str) -> Motion:
    """Return the motion of a class by its name or index; what no known network has moves freely."""
    for table in known_tables(model):
        with suppress(RecipeError, ModelError):
            return _MOTION_OF.get(table.class_names[table.find_class(name)], Motion.FREE)
    return Motion.FREE
