"""What is true of a render, for the metadata that says so."""

from __future__ import annotations

from dataclasses import dataclass

from dreamsound_studio._version import __version__

#: The program that made a render, as metadata names it.
SOFTWARE = f"DreamSound Studio {__version__}"


@dataclass(frozen=True, kw_only=True)
class RenderFacts:
    """What is true of a render.

    Attributes
    ----------
    note : str
        What made it, as a line of JSON.
    length : int
        Samples in each channel.
    start : int or None
        Its first sample within the source; None where its time is not the source's: cut pieces, or
        played backwards.
    is_whole : bool
        Whether it is as long as its source.
    render : str
        Its name: dream, gradient, ...
    source : str
        File name of the source.
    sample_rate_hz, channels : int
        As in ``audio.clip.Clip``; 0 if unknown.
    bits : str
        Sample format: 16, 24 or 32f.
    has_all_channels : bool
        Whether its channels are the source's.
    category : tuple of str
        UCS: CatID, category and subcategory; empty if none is suggested.
    """

    note: str
    length: int
    start: int | None = 0
    is_whole: bool = False
    render: str = "dream"
    source: str = ""
    sample_rate_hz: int = 0
    channels: int = 0
    bits: str = "24"
    has_all_channels: bool = True
    category: tuple[str, str, str] | tuple[()] = ()

    @property
    def description(self) -> str:
        """What the render is, in words: ``Dream of rain.wav``."""
        if self.render.startswith("dream"):
            step = self.render.removeprefix("dream_step")
            after = f" after step {step}" if step.isdigit() else ""
            return f"Dream of {self.source or 'a sound'}{after}"
        return f"{self.render.capitalize()} of a dream of {self.source or 'a sound'}"

    @property
    def coding(self) -> str:
        """A line of coding history, without its end (EBU R 98)."""
        sampled = f"F={self.sample_rate_hz},W={self.bits.removesuffix('f')}"
        mode = {1: ",M=mono", 2: ",M=stereo"}.get(self.channels, "")
        return f"A=PCM,{sampled}{mode},T={SOFTWARE}"

    @property
    def reach(self) -> int:
        """Length of the span that its markers lie in: that of a whole sound includes its end."""
        return self.length + self.is_whole
