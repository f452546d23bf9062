"""Whether two versions of the engine render the same bytes: the check for every refactoring.

    python benchmarks/same_bytes.py              this tree against the last commit
    python benchmarks/same_bytes.py --base REV   against another commit, tag or branch
    python benchmarks/same_bytes.py --keep DIR   leave both sets of renders there

Both trees render the recipes of :data:`CASES` on sounds made here, each tree in a process of its
own, on this machine, one after the other. Of each render the bytes are compared, and where these
differ the decoded samples, which tells a changed note from a changed sound. Ogg and Opus streams
hold a random number, so only their samples count. YAMNet has to be within reach
(``DREAMSOUND_MODELS``). Exit code 0 when all is the same, 1 when something differs.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

TOP = Path(__file__).resolve().parent.parent
#: The import package of this tree, and its name in older ones.
PACKAGES = ("dreamsound_studio", "dreamsound")
RATE = 16_000
#: Renders of these hold a random number in their stream.
RANDOM_NUMBERED = (".ogg", ".opus")


@dataclass(frozen=True)
class Case:
    """One recipe on one sound.

    Attributes
    ----------
    sound : str
        Of :func:`make_sounds`, without its ending.
    recipe : dict
        Fields of the recipe; ``{folder}`` stands for the folder of the sounds.
    options : tuple of str
        More options of ``dreamsound render``.
    """

    sound: str
    recipe: dict[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()


PAPER = {
    "strength_ref": "absolute",
    "normalise": "before",
    "follow_envelope": 0.0,
    "restore_level": False,
    "jitter": False,
    "at": "score",
    "strength": 0.01,
}

#: Methods, objectives, the craft, channels, spans, formats and models.
CASES: dict[str, Case] = {
    "add": Case("stereo"),
    "filter": Case("stereo", {"method": "filter"}),
    "filter-add": Case("mono", {"method": "filter-add", "class": "Bird"}),
    "target": Case("mono", {"method": "target", "target": "{folder}/other.wav"}),
    "paper": Case("mono", PAPER),
    "flip": Case("stereo", {"method": "filter-add", "flip": True, "mask": "soft"}),
    "layer": Case("mono", {"layer": "layer7/pointwise_conv", "strength": 0.005}),
    "sum": Case("mono", {"objective": "class:Whistling - 0.5*channel:layer11/pointwise_conv:42"}),
    "unit": Case("mono", {"objective": "unit:layer7/pointwise_conv:3,2,7"}),
    "guide": Case("mono", {"objective": 'guide:"{folder}/other.wav"'}),
    "texture": Case("mono", {"objective": 'texture:"{folder}/other.wav"'}),
    "direction": Case("mono", {"objective": 'direction:"{folder}/other.wav"-"{folder}/mono.wav"'}),
    "octaves": Case("mono", {"octaves": 2, "steps": 3}),
    "noise start": Case("mono", {"start": "noise", "smooth_time": 0.3, "pull_to_source": 0.2}),
    "masking": Case("stereo", {"masking": "under", "air": "octave", "channels": "mid-side"}),
    "automation": Case(
        "stereo",
        {
            "method": "filter-add",
            "strength_over_steps": "1:2, 2:0.5",
            "wet": 0.7,
            "threshold_over_time": "0:-10, 1:0",
            "band_low_hz": 300.0,
            "fade_in_s": 0.2,
        },
    ),
    "morph": Case(
        "mono",
        {
            "method": "target",
            "target": "{folder}/other.wav",
            "morph": "0:0, 1:1",
            "target_b": "{folder}/noise.wav",
            "class": "patch",
        },
    ),
    "sculpt": Case("stereo", {"method": "sculpt", "gain_grid": "24x50ms + binsx100ms"}),
    "sculpt, a bed": Case(
        "stereo",
        {
            "method": "sculpt",
            "channels": "independent",
            "bed_file": "{folder}/other.wav",
            "band_low_hz": 300.0,
            "fade_in_s": 0.2,
        },
    ),
    "surround": Case("surround", {"channels": "independent", "block_patches": 8}),
    "span": Case("stereo", {"class": "follow"}, ("--span", "0.96:1.92")),
    "steps kept": Case("stereo", {"stop_plateau": 0.001, "steps": 3}, ("--keep-steps", "1")),
    "raw": Case("mono", {"damp_above": 0.5}, ("--level", "raw", "--bits", "32f")),
    "16 bits": Case("stereo", {}, ("--bits", "16", "--format", "aiff")),
    "flac": Case("stereo", {}, ("--format", "flac", "--sidecar")),
    "opus": Case("stereo", {}, ("--format", "opus")),
    "h5": Case("mono", {"model": "{h5}"}),
}


def main() -> int:
    """Render in both trees, print what differs, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="HEAD", help="the version to compare with")
    parser.add_argument("--keep", type=Path, help="a folder for both sets of renders")
    parser.add_argument("--only", action="append", choices=sorted(CASES), help="one case")
    parser.add_argument("--render-into", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.render_into is not None:
        return render_all(chosen.render_into, chosen.only or list(CASES))
    with tempfile.TemporaryDirectory() as scratch:
        kept = chosen.keep or Path(scratch)
        base = Path(scratch) / "base"
        git("worktree", "add", "--detach", "--quiet", str(base), chosen.base)
        try:
            before = rendered_by(base, kept / "before", chosen.only)
            now = rendered_by(TOP, kept / "now", chosen.only)
        finally:
            git("worktree", "remove", "--force", str(base))
        return compare(before, now)


def rendered_by(tree: Path, folder: Path, only: list[str] | None) -> dict[str, dict[str, str]]:
    """Render every case with the engine of a tree; return the hashes of each file by its name."""
    folder.mkdir(parents=True)
    own = os.pathsep.join(str(tree / name) for name in ("core", "desktop", "reaper"))
    # The folder of sounds is named alike in both, since names and paths end up in the notes.
    words = [sys.executable, str(Path(__file__).resolve()), "--render-into", str(folder)]
    for name in only or ():
        words += ["--only", name]
    print(f"rendering with {tree}", flush=True)
    environment = {**os.environ, "PYTHONPATH": own, "DREAMSOUND_LIBRARY": "off"}
    subprocess.run(words, env=environment, check=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashes_of(path)
        for path in files
        if path.parent != folder and path.parent.name != "sounds"
    }


def render_all(folder: Path, names: list[str]) -> int:
    """Render the cases with whichever engine this process imports."""
    command = command_line()
    sounds = folder / "sounds"
    make_sounds(sounds)
    os.chdir(folder)
    failed = 0
    for name in names:
        case = CASES[name]
        recipe = {
            "method": "add",
            "class": "Whistling",
            "steps": 2,
            "model": "yamnet",
            **case.recipe,
        }
        if {"layer", "objective"} & set(recipe):
            del recipe["class"]
        text = json.dumps(recipe).replace("{folder}", "sounds").replace("{h5}", str(yamnet_h5()))
        place = folder / f"{name}.json"
        place.write_text(text, encoding="utf-8")
        words = ["render", f"sounds/{case.sound}.wav", "--out", name, "--recipe", str(place)]
        code = command([*words, "--renders", "all", *case.options])
        if code:
            print(f"{name}: exit code {code}")
        failed += code != 0
    return 1 if failed else 0


def command_line() -> Callable[[list[str]], int]:
    """Return the command line of the engine that this process imports."""
    for package in PACKAGES:
        try:
            found = importlib.import_module(f"{package}.cli")
        except ModuleNotFoundError:
            continue
        main_of_package: Callable[[list[str]], int] = found.main
        return main_of_package
    raise SystemExit(f"none of {', '.join(PACKAGES)} can be imported")


def make_sounds(folder: Path) -> None:
    """Write four short sounds: gliding whistles with overtones, and noise."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)

    def glide(rate: int, seconds: float, low_hz: float, high_hz: float) -> np.ndarray:
        time_s = np.arange(round(rate * seconds)) / rate
        hz = low_hz + (high_hz - low_hz) * np.sin(np.pi * time_s / seconds) ** 2
        phase = 2 * np.pi * np.cumsum(hz) / rate
        tone = np.sin(phase) + 0.3 * np.sin(2 * phase) + 0.1 * np.sin(3 * phase)
        hiss = 0.01 * random.standard_normal(len(time_s))
        return 0.2 * np.sin(np.pi * time_s / seconds) * tone + hiss

    def write(name: str, channels: list[np.ndarray], rate: int, subtype: str = "PCM_24") -> None:
        soundfile.write(folder / f"{name}.wav", np.stack(channels, axis=1), rate, subtype)

    write("mono", [glide(RATE, 1.5, 900, 2200)], RATE, "PCM_16")
    write("other", [glide(RATE, 1.2, 300, 600)], RATE)
    write("noise", [0.1 * random.standard_normal(RATE)], RATE)
    stereo = [glide(48_000, 2.2, 800, 1900), glide(48_000, 2.2, 1200, 1500)]
    write("stereo", stereo, 48_000)
    write("surround", [glide(44_100, 1.1, 300 + 200 * n, 2000) for n in range(6)], 44_100)


def yamnet_h5() -> Path:
    """Return the published weights as one file."""
    for folder in os.environ.get("DREAMSOUND_MODELS", "").split(os.pathsep):
        path = Path(folder).absolute() / "yamnet.h5"
        if folder and path.is_file():
            return path
    raise SystemExit("DREAMSOUND_MODELS has to name a folder that holds yamnet.h5")


def hashes_of(path: Path) -> dict[str, str]:
    """Return the hash of a file's bytes, and of its samples if it is a sound."""
    found = {"bytes": hashlib.sha256(path.read_bytes()).hexdigest()}
    if path.suffix != ".json":
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        found["samples"] = hashlib.sha256(samples.tobytes() + str(rate).encode()).hexdigest()
    if path.suffix in RANDOM_NUMBERED:
        del found["bytes"]
    return found


def compare(before: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> int:
    """Print what differs; return the exit code."""
    odd = 0
    for name in sorted(before.keys() | now.keys()):
        one, other = before.get(name), now.get(name)
        if one == other:
            continue
        odd += 1
        if one is None or other is None:
            print(f"only {'now' if one is None else 'before'}: {name}")
        elif one.get("samples") == other.get("samples"):
            print(f"other bytes, same samples: {name}")
        else:
            print(f"other samples: {name}")
    cases = len({Path(name).parts[0] for name in before})
    print(f"{len(before)} renders of {cases} recipes: {odd or 'none'} differ")
    return 1 if odd or not before else 0


def git(*words: str) -> None:
    """Run git in this tree."""
    subprocess.run(["git", "-C", str(TOP), *words], check=True)


if __name__ == "__main__":
    sys.exit(main())
