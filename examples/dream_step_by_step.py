"""Dream a sound step by step: a progress bar, a limit that ends the dream, a plot, the renders.

    python examples/dream_step_by_step.py SOUND [FOLDER] [--class NAME] [--steps N] [--score S]

Editors that know cells (``# %%``) run it piece by piece, as a notebook.
"""

# %% What to dream
from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import soundfile
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import dreamsound_studio as ds

parser = argparse.ArgumentParser(description="Dream a sound step by step.")
parser.add_argument("sound", help="sound file")
parser.add_argument("folder", nargs="?", default="stepped", help="output folder [stepped]")
parser.add_argument("--class", dest="class_name", default="Bell", help="class to dream [Bell]")
parser.add_argument("--steps", type=int, default=20, help="at most so many steps [20]")
parser.add_argument("--score", type=float, default=0.5, help="end at this score [0.5]")
options = parser.parse_args()
folder = Path(options.folder)
folder.mkdir(parents=True, exist_ok=True)

# %% The sound, as any library gives it: an array and its rate
samples, sample_rate_hz = soundfile.read(options.sound, dtype="float32", always_2d=True)
samples = samples.T  # [channels, samples]

# %% What the network hears in it
model = ds.load_model()
hearing = ds.listen(samples, sample_rate_hz, model=model)
for heard in hearing.top(3):
    print(f"{heard.mean:.3f}  {heard.name}")

# %% The objective: the class, and a little less of what is heard most
objective = ds.Class(options.class_name) - 0.1 * ds.Class(hearing.top(1)[0].name)
print(f"maximise {objective}")

# %% Step by step
dreaming = ds.Dreaming(
    samples,
    sample_rate_hz,
    model=model,
    objective=objective,
    method="add",
    steps=options.steps,
    keep_every=5,
)
columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
try:
    with Progress(*columns) as progress:
        task = progress.add_task("dreaming", total=dreaming.recipe.steps)
        for step in dreaming.steps():
            text = f"{step.class_name} {step.score:.3f}"
            progress.update(task, completed=step.step, description=text)
            if step.score >= options.score:
                dreaming.finish()  # keeps these steps; cancel() would discard them
except KeyboardInterrupt:
    dreaming.cancel()
    raise SystemExit("Cancelled. No files written.") from None
dream = dreaming.result()
print(dream)

# %% The score over the steps, and what has been added, at the level of the files
figure, (above, below) = plt.subplots(2, 1, figsize=(9, 6), layout="constrained")
above.plot([step.step for step in dream.steps], [step.score for step in dream.steps], marker="o")
above.set(xlabel="step", ylabel=f"score of {dream.final.class_name}", ylim=(0, 1))
below.specgram(dream.render("difference").mean(axis=0) + 1e-9, NFFT=1024, Fs=sample_rate_hz)
below.set(xlabel="seconds", ylabel="Hz", title="dream minus source")
figure.savefig(folder / "dream.png")

# %% The renders as arrays, and as files
dreamed = dream.render("dream")
print(f"peak {np.max(np.abs(dreamed)):.2f}, {dreamed.shape[1]} samples")
written = ds.write_renders(dream, folder, ds.RenderOptions(overwrite=True), stem="stepped")
for path in written.paths.values():
    print(path)
