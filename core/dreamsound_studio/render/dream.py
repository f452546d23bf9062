"""A finished dream for scripts and notebooks: its renders as arrays, a line, players."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Literal

import numpy as np

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.records import RawDream, change_of
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.render.mixer import RenderMixer
from dreamsound_studio.render.options import RENDERS, RenderOptions

#: At most this much of a sound is put into a notebook's page.
PLAYED_SECONDS = 60.0


class Dream(RawDream):
    """A finished dream: its sound, its steps, and every render of it.

    ``samples.array()`` is the sound at the loop's own level; :meth:`render` gives it, and the other
    renders, at the level that files have. `write_renders` writes the files.
    """

    @property
    def sample_rate_hz(self) -> int:
        """The sample rate of the source and of every render."""
        return self.source.sample_rate_hz

    @property
    def seconds(self) -> float:
        """The length of the source and of every render."""
        return self.source.seconds

    @property
    def render_names(self) -> tuple[str, ...]:
        """The names that :meth:`render` takes."""
        return (*RENDERS, *(f"dream_step{step}" for step in self.kept))

    def render(
        self,
        name: str = "dream",
        *,
        level: Literal["match", "raw"] = "match",
        limit: Literal["on", "off"] = "on",
    ) -> FloatArray:
        """Return a render as an array; no file is written.

        Parameters
        ----------
        name : str, optional
            ``dream``, ``gradient``, ``hardcut``, ``filtered``, ``difference``, or ``dream_stepN``
            for a step that was kept.
        level : {"match", "raw"}, optional
            Match the source's loudness, with a true peak under -1 dBTP, or keep the loop's own
            values.
        limit : {"on", "off"}, optional
            Limit peaks where the render would otherwise be softer than its source, or lower it.

        Returns
        -------
        numpy.ndarray
            Float32 ``[channels, samples]``, full scale 1.0.

        Raises
        ------
        RecipeError
            There is no render of this name.
        """
        if name not in self.render_names:
            raise RecipeError(
                f"unknown render {name!r}: choose from {', '.join(self.render_names)}"
            )
        options = RenderOptions.make(level=level, limit=limit, bits="32f")
        mixer = RenderMixer(self, options, "32f", [])
        try:
            return np.concatenate(list(mixer.blocks(name)), axis=1)
        finally:
            mixer.close()

    def __repr__(self) -> str:
        channels, steps = self.source.channels, len(self.steps)
        of_method = f"step{'s' * (steps != 1)} of {self.recipe.method}"
        return (
            f"<Dream of {_name_of(self.source)}: {steps} {of_method}, "
            f"{change_of(self.initial, self.final)}, "
            f"{self.seconds:.2f} s, {self.sample_rate_hz} Hz, "
            f"{channels} channel{'s' * (channels != 1)}>"
        )

    def _repr_html_(self) -> str:
        """Return the source and the dream as players, for a notebook."""
        source = self.source.samples.read(0, self._played_samples)
        rows = [f"<p>{html.escape(repr(self))}</p>"]
        rows += [
            f"<figure><figcaption>{title}</figcaption>{self._player(array)}</figure>"
            for title, array in (("source", source), ("dream", self.render()))
        ]
        if self.seconds > PLAYED_SECONDS:
            rows.append(f"<p>The players have the first {PLAYED_SECONDS:g} s.</p>")
        return "\n".join(rows)

    @property
    def _played_samples(self) -> int:
        return min(self.source.samples.length, round(PLAYED_SECONDS * self.sample_rate_hz))

    def _player(self, samples: FloatArray) -> str:
        import soundfile

        # Above full scale, 16 bits would wrap or clip: a source of floats may peak there.
        played = samples[:, : self._played_samples]
        peak = float(np.max(np.abs(played), initial=0.0))
        file = io.BytesIO()
        values = (played / max(peak, 1.0)).T
        soundfile.write(file, values, self.sample_rate_hz, format="WAV", subtype="PCM_16")
        data = base64.b64encode(file.getvalue()).decode("ascii")
        return f'<audio controls src="data:audio/wav;base64,{data}"></audio>'


def _name_of(clip: Clip) -> str:
    return "an array" if clip.path is None else Path(clip.path).name
