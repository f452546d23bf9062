"""The named methods: the values that each fills a recipe with.

A further method is one row of :data:`METHODS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class MethodRow:
    """One named method with the values it sounds good with (see ``docs/defaults.md``).

    Attributes
    ----------
    combine, mask_from, carrier : str
        As in the recipe.
    strength : float
        Share of the source's level that a step adds; less toward a layer's energy (see
        ``recipe.first_strengths``).
    threshold_db, knee_db : float
        Of the filter, dB.
    threshold_ref : str
        ``span`` or ``frame``.
    follow_envelope : float
        0..1.
    steps : int
        Number of steps.
    air : str
        As in the recipe.
    patch_hop : float
        Distance between patches, as a share of a patch.
    listens : int
        Times that a step hears the sound.
    listen_level_db, listen_speed, listen_tilt, listen_noise_db : float
        How far each listening is changed.
    listen_windows : bool
        Whether each listening has a window of its own.
    listen_eq_db : float
        How far each listening is coloured.
    natural : float
        Weight of the training's statistics, in logits; for objectives of classes alone.
    gain_grid : str
        Resolution of a filter that is learned, as in the recipe.
    depth_db, rate_db, pull : float
        Of that filter, as in the recipe.
    bed : str
        What lies under the source, as in the recipe.
    bed_level_db : float
        How loud that is, dB re. the source.
    fft_size : int
        STFT frame, samples.
    band_high_hz : float or None
        Highest frequency to change; applies where the recipe sets no band.
    """

    combine: str
    mask_from: str
    carrier: str
    strength: float
    threshold_db: float
    knee_db: float
    threshold_ref: str
    follow_envelope: float
    steps: int = 10
    air: str = "keep"
    patch_hop: float = 0.5
    listens: int = 1
    listen_level_db: float = 0.0
    listen_speed: float = 0.0
    listen_tilt: float = 0.0
    listen_noise_db: float = -120.0
    listen_windows: bool = False
    listen_eq_db: float = 0.0
    natural: float = 0.0
    gain_grid: str = "48x64ms + 192x16ms"
    depth_db: float = 40.0
    rate_db: float = 0.9
    pull: float = 0.005
    bed: str = "mixed"
    bed_level_db: float = -14.0
    fft_size: int = 2048
    band_high_hz: float | None = None


METHODS: dict[str, MethodRow] = {
    #                       combine    mask from   carrier     str.  thr.   knee  ref.     env.
    "add": MethodRow("add", "none", "gradient", 0.05, -50.0, 12.0, "frame", 1.0),
    "filter": MethodRow("replace", "gradient", "input", 0.05, -50.0, 12.0, "frame", 0.0),
    "filter-add": MethodRow("add", "input", "gradient", 0.05, -40.0, 12.0, "span", 1.0),
    "target": MethodRow("add", "target", "gradient", 0.05, -40.0, 12.0, "frame", 1.0),
    "sculpt": MethodRow(
        *("learn", "none", "input", 0.05, -50.0, 12.0, "frame", 0.0),
        steps=150,
        air="drop",
        patch_hop=1.0,
        listens=4,
        listen_level_db=4.0,
        listen_speed=0.125,
        listen_tilt=0.5,
        listen_noise_db=-5.0,
        listen_windows=True,
        listen_eq_db=6.0,
        natural=10.0,
        depth_db=55.0,
        bed_level_db=-7.0,
    ),
}

_SCULPT = METHODS["sculpt"]
#: Defaults of `sculpt` by what it dreams of, where they differ.
SCULPT_TOWARD: dict[str, MethodRow] = {
    # Notes alone (``benchmarks/notes.py``): partials need gains as fine as bins and a fast filter,
    # one listening tells a pitch, and above the partials the sound keeps its attacks.
    "notes": replace(
        _SCULPT,
        steps=80,
        listens=1,
        listen_speed=0.0,
        gain_grid="binsx64ms",
        depth_db=40.0,
        rate_db=2.0,
        pull=0.001,
        bed_level_db=-14.0,
        fft_size=4096,
        band_high_hz=3500.0,
    ),
    # Classes whose sounds do not move freely (``recipe.motions``, ``docs/sculpt.md``).
    "whistles": replace(_SCULPT, gain_grid="192x128ms", bed="tones", bed_level_db=0.0, natural=3.0),
    "shots": replace(_SCULPT, gain_grid="8x16ms", bed="pink", bed_level_db=0.0),
    "engines": replace(_SCULPT, gain_grid="192x128ms"),
}
