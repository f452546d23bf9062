"""How many patches a machine takes at a time: measured once, remembered, and noted in each render.

Sums over other blocks differ in their last bits, so a render's recipe has the number that its dream
ran by, and `redo` makes the same bytes on another machine.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.control import Control
from dreamsound_studio.cores import available_cores
from dreamsound_studio.dream.ear import SHARE_OF_FREE, Ear
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ClassObjective
from dreamsound_studio.files import write_atomic
from dreamsound_studio.locks import FileLock
from dreamsound_studio.memory import free_bytes
from dreamsound_studio.models.ensemble import members
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.runtime import block_threads, device_name, has_gpu, import_tensorflow
from dreamsound_studio.paths import state_folder
from dreamsound_studio.processor import DEFAULT_BLOCK, processor_name
from dreamsound_studio.recipe.recipe import Recipe

#: In the folder of what is remembered rather than in a cache: without it, bytes would change.
FILE, LOCK = "block-sizes.json", "block-sizes.lock"
MOST_PATCHES = 1024
#: Values of `block_patches` that are compared: on processors, which halve them, and on a GPU.
SIZES, SIZES_ON_GPU = (16, 32, 64), (64, 128, 256, 512)
#: What a GPU takes until it has been measured.
DEFAULT_ON_GPU = 256
#: How long to measure, and how many rounds at least: all sizes in turn, since other programs run.
SECONDS, LEAST_ROUNDS = 1.0, 5
#: Share of the threads' time that the measurement has to get: less on a busy machine.
LEAST_SHARE = 0.7
#: How much faster than the default another size has to be.
LEAST_GAIN = 0.03


def in_blocks(recipe: Recipe, model: Model) -> Recipe:
    """Return a recipe with the `block_patches` that it runs by here."""
    if recipe.block_patches is not None:
        return recipe
    return recipe.model_copy(update={"block_patches": block_of(recipe, model)})


def block_of(recipe: Recipe, model: Model) -> int:
    """Return how many patches a recipe takes at a time: its own number, or this machine's."""
    return recipe.block_patches or remembered(model) or default_block()


def default_block() -> int:
    """Return how many patches a machine takes that has not been measured."""
    return DEFAULT_ON_GPU if has_gpu() else DEFAULT_BLOCK


def remembered(model: Model) -> int | None:
    """Return the number that was measured for a model on this machine, or None."""
    patches = _read().get(_key(model))
    if not isinstance(patches, int) or isinstance(patches, bool):
        return None
    return patches if 1 <= patches <= MOST_PATCHES else None


def calibrate(model: Model, control: Control) -> int | None:
    """Measure which number is fastest, and remember it; at most once for a machine and model.

    Parameters
    ----------
    model : Model
        The model.
    control : Control
        Stops it.

    Returns
    -------
    int or None
        The number, measured now or earlier; None while another process measures, and on a busy
        machine.

    Raises
    ------
    RenderCancelled
        The control was cancelled.
    OSError, DreamSoundError
        The number cannot be remembered.
    """
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    if not lock.acquire():
        return None
    try:
        known = remembered(model)
        if known is not None:
            return known
        found = fastest(model, control)
        if found is not None:
            write_atomic(_path(), json.dumps(_read() | {_key(model): found}, indent=1) + "\n")
        return found
    finally:
        lock.release()


def fastest(model: Model, control: Control) -> int | None:
    """Measure how long gradients take with blocks of each size; return the fastest.

    Parameters
    ----------
    model : Model
        The model.
    control : Control
        Stops it.

    Returns
    -------
    int or None
        None where other programs take so much of the processor that the figures mean little.
    """
    usual = default_block()
    ears = {size: _ear(model, size) for size in _sizes() if size == usual or _fits(size, model)}
    sound = _noise(model)
    _in_turn(ears, sound, control)  # traces the graph
    rounds: list[dict[int, float]] = []
    began_s, worked_s = time.perf_counter(), time.process_time()
    while len(rounds) < LEAST_ROUNDS or time.perf_counter() - began_s < SECONDS:
        rounds.append(_in_turn(ears, sound, control))
    taken_s = time.perf_counter() - began_s
    if not has_gpu() and time.process_time() - worked_s < LEAST_SHARE * block_threads() * taken_s:
        return None
    ratios = {size: np.median([one[size] / one[usual] for one in rounds]) for size in ears}
    best = min(ratios, key=lambda size: ratios[size])
    return best if ratios[best] < 1 - LEAST_GAIN else usual


def _in_turn(ears: dict[int, Ear], sound: Samples, control: Control) -> dict[int, float]:
    """Return how long a pass takes with blocks of each size, one after the other."""
    taken = {}
    for size, ear in ears.items():
        control.check_cancelled()
        taken[size] = _pass_seconds(ear, sound)
    return taken


def _sizes() -> tuple[int, ...]:
    return SIZES_ON_GPU if has_gpu() else SIZES


def _fits(size: int, model: Model) -> bool:
    """Return whether blocks of a size fit into the free memory in all threads; always on a GPU."""
    taken = block_threads() * math.ceil(size / 2) * model.patch_bytes
    return has_gpu() or taken <= SHARE_OF_FREE * free_bytes()


def _ear(model: Model, size: int) -> Ear:
    return Ear(
        model,
        ClassObjective(),
        model.sample_rate_hz,
        hop_frames=model.published_hop_frames,
        block_patches=size,
    )


def _noise(model: Model) -> Samples:
    """Return noise of as many patches as the largest blocks have in all threads."""
    patches = max(_sizes()) if has_gpu() else block_threads() * math.ceil(max(_sizes()) / 2)
    hop = model.published_hop_frames * model.frame_hop_samples
    length = (patches - 1) * hop + model.patch_samples
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, length))
    return Samples.of(noise.astype(np.float32))


def _pass_seconds(ear: Ear, sound: Samples) -> float:
    into = Samples(1, sound.length)
    grid = ear.grid(sound.length, None)
    began_s = time.perf_counter()
    ear.gradient(Mono(sound), grid, (0,), into)
    taken_s = time.perf_counter() - began_s
    into.close()
    return taken_s


def _key(model: Model) -> str:
    """Return what decides which number is fastest."""
    version = import_tensorflow().__version__
    weights = members(model)[0].weights_sha256[:16]
    parts = [processor_name(), device_name(), f"{available_cores()} cores", f"TensorFlow {version}"]
    return ", ".join([*parts, f"{model.name} {weights}"])


def _path() -> Path:
    return state_folder() / FILE


def _read() -> dict[str, Any]:
    """Return what is remembered; nothing if the file is missing or broken."""
    try:
        values = json.loads(_path().read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
