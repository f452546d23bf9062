"""``dreamsound reaper doctor``: checks everything a dream in REAPER needs."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from dreamsound_reaper.install import files
from dreamsound_reaper.install.checks import Check, CheckState, checks_in_reaper
from dreamsound_reaper.install.errors import InstallError
from dreamsound_studio import __version__
from dreamsound_studio.errors import DreamSoundError, ModelError
from dreamsound_studio.files import partial_beside
from dreamsound_studio.paths import runs_folder

SCHEMA_VERSION: Final = 1
EXIT_MODEL: Final = 3
#: Length of the test dream: long enough for one patch of each model, and fast.
DREAM_S, DREAM_RATE_HZ, DREAM_STEPS = 1.0, 16_000, 2
MARKS: Final[dict[CheckState, str]] = {"ok": "ok  ", "warning": "note", "fail": "FAIL"}


@dataclass(frozen=True)
class Findings:
    """The results of all checks.

    Attributes
    ----------
    checks : tuple of Check
        In the order of execution.
    """

    checks: tuple[Check, ...]

    @property
    def state(self) -> CheckState:
        """Return the worst state."""
        states = {check.state for check in self.checks}
        return "fail" if "fail" in states else "warning" if "warning" in states else "ok"

    @property
    def exit_code(self) -> int:
        """Return 0, 1, or 3 if only the model check fails."""
        codes = {check.exit_code for check in self.checks if check.state == "fail"}
        return min(codes, default=0)

    @property
    def lines(self) -> list[str]:
        """Return the lines to print."""
        shown = []
        for check in self.checks:
            shown.append(f"{MARKS[check.state]}  {check.name}: {check.text}")
            if check.remedy:
                shown.append(f"      -> {check.remedy}")
        return shown

    def as_dict(self) -> dict[str, Any]:
        """Return the results as plain JSON values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "version": __version__,
            "state": self.state,
            "checks": [asdict(check) for check in self.checks],
            "lines": self.lines,
        }


def examine(given: Path | None = None, quick: bool = False) -> Findings:
    """Run all checks.

    Parameters
    ----------
    given : pathlib.Path, optional
        REAPER's folder; by default the usual one.
    quick : bool
        Skip the test dream.
    """
    found = guarded("REAPER", lambda: checks_in_reaper(given))
    found += guarded("runs", lambda: [check_runs(runs_folder())])
    found += guarded("queue", lambda: [check_queue()])
    found += guarded("model", lambda: [check_model()])
    if not quick:
        found += guarded("dream", lambda: [check_dream()])
        found += guarded("processor", lambda: [check_processor()])
    return Findings(tuple(found))


def guarded(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """Run a check; an exception counts as a failed check, and the others continue."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - the doctor reports any error
        return [Check(name, "fail", _one_line(error))]


def check_runs(folder: Path) -> Check:
    """Check that runs can be written."""
    probe = partial_beside(folder / "runs")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        text = f"cannot write to {folder}: {error.strerror or error}"
        return Check("runs", "fail", text, "free some space there, or allow writing to it")
    return Check("runs", "ok", f"{folder}")


def check_queue() -> Check:
    """Check that the render queue opens."""
    from dreamsound_studio.queue.store.store import open_store
    from dreamsound_studio.queue.worker.start import has_worker

    try:
        store, notes = open_store()
    except DreamSoundError as error:
        return Check("queue", "fail", str(error))
    with store:
        if notes:
            return Check("queue", "warning", "; ".join(notes))
        running = "worker running" if has_worker(store) else "worker starts on demand"
        return Check("queue", "ok", f"{store.path}; {running}")


def check_model() -> Check:
    """Check which model would listen, without downloading one."""
    from dreamsound_studio.models.entries import DEFAULT_MODEL
    from dreamsound_studio.models.store.local import probable_weights

    weights = probable_weights("auto")
    if weights is None:
        return Check(
            "model",
            "warning",
            f"none installed; {DEFAULT_MODEL} is downloaded for the first dream",
            f"run dreamsound models pull {DEFAULT_MODEL} to download it now",
        )
    return Check("model", "ok", f"{weights.name}, from {weights.path or 'a plug-in'}")


def check_dream() -> Check:
    """Dream for a second through the normal code path."""
    began_s = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, dreamed_s = dream_a_second()
    except ModelError as error:
        remedy = "run dreamsound models pull yamnet --from FILE|DIR|URL"
        return Check("dream", "fail", str(error), remedy, EXIT_MODEL)
    except Exception as error:  # noqa: BLE001 - the doctor reports any error
        return Check("dream", "fail", _one_line(error), "reinstall dreamsound-studio")
    whole_s = time.perf_counter() - began_s
    return Check(
        "dream",
        "ok",
        f"{model} dreamed {DREAM_S:g} s, {DREAM_STEPS} steps, in {dreamed_s:.1f} s "
        f"({whole_s - dreamed_s:.1f} s to load)",
    )


def check_processor() -> Check:
    """Check that TensorFlow uses what makes this processor fast."""
    from dreamsound_studio.cores import available_cores
    from dreamsound_studio.models.runtime import OWN_ONEDNN_VARIABLE, has_gpu, uses_onednn
    from dreamsound_studio.processor import multiplies_bfloat16, processor_name

    fast = "has" if multiplies_bfloat16() else "lacks"
    text = f"{processor_name()}, cores: {available_cores()}; {fast} bfloat16 for precision fast"
    if uses_onednn():
        return Check("processor", "ok", f"{text}; oneDNN on")
    if has_gpu() or sys.platform == "darwin":  # on macOS TensorFlow has no oneDNN
        return Check("processor", "ok", f"{text}; oneDNN off")
    remedy = f"unset {OWN_ONEDNN_VARIABLE} if it is set; otherwise reinstall TensorFlow"
    return Check("processor", "warning", f"{text}; oneDNN off, so that dreams are slower", remedy)


def dream_a_second() -> tuple[str, float]:
    """Dream a second of a gliding tone; return the model's name and the time it took.

    Raises
    ------
    ModelError
        The model is unavailable.
    """
    import numpy as np

    from dreamsound_studio.api import dream, load_model
    from dreamsound_studio.audio.clip import Clip
    from dreamsound_studio.audio.samples import Samples
    from dreamsound_studio.recipe.recipe import Recipe

    time_s = np.arange(round(DREAM_S * DREAM_RATE_HZ)) / DREAM_RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * (900 * time_s + 400 * time_s**2))
    clip = Clip(Samples.of(tone[None].astype(np.float32)), DREAM_RATE_HZ)
    model = load_model()
    began_s = time.perf_counter()
    dreamed = dream(clip, Recipe.make(steps=DREAM_STEPS), model=model).samples.array()
    if dreamed.shape != (1, len(tone)) or not np.isfinite(dreamed).all():
        raise InstallError("the test dream returned invalid samples")
    if np.array_equal(dreamed[0], tone.astype(np.float32)):
        raise InstallError("the test dream left the sound unchanged")
    return model.name, time.perf_counter() - began_s


def write_findings(path: Path, findings: Findings) -> None:
    """Write the results atomically for the waiting script."""
    text = json.dumps(findings.as_dict(), indent=1, ensure_ascii=False)
    files.change({path.absolute(): text.encode("utf-8")})


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
