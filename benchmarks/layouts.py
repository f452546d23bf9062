"""Which speaker gets what: twelve layouts in every format, as ffmpeg reads them.

``python3 benchmarks/layouts.py`` prints the table of README.md. Each channel is a tone of its own;
a cell names the layout that ffmpeg finds in the file, and says so if a tone is at another speaker.
The program comes with the package ``imageio-ffmpeg``.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.audio.formats import FileFormat
from dreamsound_studio.audio.speakers import SPEAKERS, SpeakerLayout
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.errors import AudioFileError

RATE, LENGTH = 48_000, 16_000
#: As ffmpeg calls them.
LAYOUTS = {
    "mono": 0x4,
    "stereo": 0x3,
    "2.1": 0xB,
    "3.0": 0x7,
    "quad": 0x33,
    "quad(side)": 0x603,
    "4.0": 0x107,
    "5.0": 0x37,
    "5.1": 0x3F,
    "5.1(side)": 0x60F,
    "7.1": 0x63F,
    "7.1.4": 0x2D63F,
}
FORMATS: tuple[FileFormat, ...] = ("wav", "aiff", "caf", "flac", "ogg", "opus")


def main() -> None:
    """Print the table."""
    print(f"| layout | {' | '.join(FORMATS)} |\n|---|{'---|' * len(FORMATS)}")
    with tempfile.TemporaryDirectory() as name:
        for layout, mask in LAYOUTS.items():
            cells = [cell(Path(name) / f"a.{form}", mask, form) for form in FORMATS]
            print(f"| {layout} | {' | '.join(cells)} |", flush=True)


def cell(path: Path, mask: int, form: FileFormat) -> str:
    """Write tones in a layout and a format; return what ffmpeg and this project find there."""
    tones = tones_of(mask)
    speakers = SpeakerLayout(mask)
    try:
        write_blocks(
            path, [sound_of(tones)], length=LENGTH, channels=len(tones), sample_rate_hz=RATE,
            file_format=form, bits="24", speakers=speakers,
        )  # fmt: skip
    except AudioFileError:
        return "refused"
    name, heard = as_ffmpeg_reads(path, len(tones))
    wrong = "" if same(tones, heard) else f", tones at the wrong speakers: {heard}"
    own = tones_in(read_clip(path).samples.array())
    return name + wrong + ("" if same(tones, own) else f", read back wrongly: {own}")


def tones_of(mask: int) -> list[int]:
    """Return a frequency for each speaker, Hz: one that its low pass lets through for LFE."""
    bits = [bit for bit in range(len(SPEAKERS)) if mask >> bit & 1]
    return [60 if SPEAKERS[bit] == "LFE" else 300 + 210 * bit for bit in bits]


def sound_of(tones: list[int]) -> npt.NDArray[np.float32]:
    """Return a tone a channel, ``[channels, LENGTH]``."""
    time = np.arange(LENGTH) / RATE
    return np.stack([0.2 * np.sin(2 * np.pi * tone * time) for tone in tones]).astype(np.float32)


def as_ffmpeg_reads(path: Path, channels: int) -> tuple[str, list[int]]:
    """Return the layout that ffmpeg finds in a file, and the tone of each of its channels."""
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-i", str(path)]
    made = subprocess.run(
        [*command, "-f", "f32le", "-c:a", "pcm_f32le", "-"], check=True, capture_output=True
    )
    found = re.search(r"Audio: .*? Hz, (.*?), ", made.stderr.decode())
    samples = np.frombuffer(made.stdout, "<f4").reshape(-1, channels).T
    return "" if found is None else found[1], tones_in(samples)


def tones_in(samples: npt.NDArray[np.float32]) -> list[int]:
    """Return the strongest frequency of each channel, Hz."""
    spectra = np.abs(np.fft.rfft(samples * np.hanning(samples.shape[1])))
    return [round(float(bin_) * RATE / samples.shape[1]) for bin_ in spectra.argmax(axis=1)]


def same(tones: list[int], heard: list[int]) -> bool:
    """Return whether frequencies are the same, but for the width of a bin."""
    return all(abs(one - other) <= 6 for one, other in zip(tones, heard, strict=True))


if __name__ == "__main__":
    main()
