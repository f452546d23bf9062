"""Checkpoints: a dream between two steps, stored on disk for another process to continue.

A checkpoint is a folder ``step-N``: raw float32 samples ``[length, channels]`` in ``*.f32``, and
``state.json``, written last, with the hash of every other file. It is created under another name
and renamed, so it is either complete or detected as damaged.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from dreamsound_studio.audio.samples import BLOCK_SAMPLES, Samples
from dreamsound_studio.control import between_blocks
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.records import Snapshot, StepEvent
from dreamsound_studio.jobs.limits import CHECKPOINT_S

#: Largest share of the time spent on writing checkpoints.
MOST_SHARE = 0.05
#: Checkpoints kept per dream: if the last is damaged, an earlier one is used.
KEPT = 2
#: Disk space that stays free.
SPARE_BYTES = 256 * 2**20
VERSION = 1
#: Numbers of the state that the first checkpoints had among the rest.
NUMBERS = ("scale", "level", "passed")


class Checkpoints:
    """The checkpoints of one dream.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of this dream only; created with the first checkpoint.
    key : dict
        Values that determine the dream: checkpoints of other dreams are ignored. Plain JSON values.
    every_s : float, optional
        Shortest interval in seconds; 0 writes one after every step.
    """

    def __init__(
        self, folder: Path, key: Mapping[str, object], every_s: float = CHECKPOINT_S
    ) -> None:
        self.folder = folder
        #: Why there is no checkpoint, if the disk is the cause.
        self.problem: str | None = None
        self._key = key
        self._every_s = every_s
        self._next_s = time.monotonic() + every_s

    def offer(self, dreamer: Dreamer) -> Path | None:
        """Write a checkpoint if one is due; return its path, or None.

        Parameters
        ----------
        dreamer : Dreamer
            Between two steps.
        """
        if time.monotonic() < self._next_s:
            return None
        started_s = time.monotonic()
        place = None
        try:
            place = self._write(dreamer)
        except OSError as error:
            self.problem = f"no checkpoint in {self.folder}: {error.strerror or error}"
        except MemoryError:
            self.problem = f"no checkpoint in {self.folder}: out of memory"
        taken_s = time.monotonic() - started_s
        if self._every_s:
            self._next_s = time.monotonic() + max(self._every_s, taken_s / MOST_SHARE)
        return place

    def newest(self) -> tuple[Snapshot, int] | None:
        """Return the newest complete checkpoint of this dream and its block size, or None."""
        for place in reversed(self._places()):
            try:
                return self._read(place)
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def remove(self) -> None:
        """Remove all checkpoints."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _places(self) -> list[Path]:
        found = [place for place in self.folder.glob("step-*") if place.suffix == ""]
        return sorted(found, key=lambda place: place.name)

    def _write(self, dreamer: Dreamer) -> Path | None:
        snapshot = dreamer.snapshot()
        sounds = _sounds_of(snapshot)
        size = sum(4 * sound.channels * sound.length for sound in sounds.values())
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < size + SPARE_BYTES:
            self.problem = (
                f"no checkpoint: {self.folder} has {free / 1e9:.1f} GB free, "
                f"{(size + SPARE_BYTES) / 1e9:.1f} GB needed"
            )
            return None
        self.problem = None
        place = self.folder / f"step-{len(snapshot.steps):06d}"
        partial = self.folder / f"{place.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            files = {name: _save(sound, partial / f"{name}.f32") for name, sound in sounds.items()}
            state = {
                "version": VERSION,
                "key": self._key,
                "recipe": dreamer.recipe.as_dict(),
                "files": files,
                **_values_of(snapshot),
            }
            with (partial / "state.json").open("w", encoding="utf-8") as file:
                json.dump(state, file)
                file.flush()
                os.fsync(file.fileno())
            shutil.rmtree(place, ignore_errors=True)
            partial.replace(place)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        for old in self._places()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return place

    def _read(self, place: Path) -> tuple[Snapshot, int]:
        state = json.loads((place / "state.json").read_text(encoding="utf-8"))
        if state["version"] != VERSION or state["key"] != self._key:
            raise ValueError("belongs to another dream")
        sounds: dict[str, Samples] = {}
        try:
            for name, about in state["files"].items():
                sounds[name] = _load(place / f"{name}.f32", about)
            snapshot = _snapshot_of(state, sounds)
        except BaseException:
            for sound in sounds.values():
                sound.close()
            raise
        return snapshot, int(state["recipe"]["block_patches"])


def _sounds_of(snapshot: Snapshot) -> dict[str, Samples]:
    return snapshot.sounds | {f"kept{step}": sound for step, sound in snapshot.kept.items()}


def _values_of(snapshot: Snapshot) -> dict[str, Any]:
    """Return what a snapshot holds besides its sounds, as JSON values."""
    heard = snapshot.heard_first
    return {
        "numbers": snapshot.numbers,
        "steps": [asdict(event) for event in snapshot.steps],
        "heard_first": None if heard is None else asdict(heard) | {"scores": heard.scores.tolist()},
        "warnings": snapshot.warnings,
        "earlier_blocks": snapshot.earlier_blocks,
    }


def _snapshot_of(state: Mapping[str, Any], sounds: Mapping[str, Samples]) -> Snapshot:
    """Return the snapshot of these values and sounds."""
    heard = state["heard_first"]
    return Snapshot(
        sounds={name: sound for name, sound in sounds.items() if not name.startswith("kept")},
        # An earlier version has them among the rest.
        numbers=state["numbers"] if "numbers" in state else {name: state[name] for name in NUMBERS},
        kept={int(name[4:]): sounds[name] for name in sounds if name.startswith("kept")},
        steps=[StepEvent(**event) for event in state["steps"]],
        heard_first=None
        if heard is None
        else Evaluation(**heard | {"scores": np.array(heard["scores"])}),
        warnings=list(state["warnings"]),
        # An earlier version does not have them.
        earlier_blocks=[(patches, step) for patches, step in state.get("earlier_blocks", [])],
    )


class _SoundFile(TypedDict):
    """What ``state.json`` says about a sound's file."""

    channels: int
    length: int
    sha256: str


def _save(sound: Samples, path: Path) -> _SoundFile:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _, block in sound.blocks():
            content = np.ascontiguousarray(block.T, "<f4").tobytes()
            digest.update(content)
            file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return {"channels": sound.channels, "length": sound.length, "sha256": digest.hexdigest()}


def _load(path: Path, about: _SoundFile) -> Samples:
    channels, length = int(about["channels"]), int(about["length"])
    if path.stat().st_size != 4 * channels * length:
        raise ValueError("truncated")
    sound = Samples(channels, length)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start in range(0, length, BLOCK_SAMPLES):
            between_blocks()
            content = file.read(4 * channels * BLOCK_SAMPLES)
            digest.update(content)
            block = np.frombuffer(content, "<f4").reshape(-1, channels).T
            sound.write(start, block.astype(np.float32))
    if digest.hexdigest() != about["sha256"]:
        sound.close()
        raise ValueError("damaged")
    return sound
