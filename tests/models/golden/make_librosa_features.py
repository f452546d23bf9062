"""Makes librosa_features.npz: run it where librosa is installed (0.11.0 made the file here).

    python make_librosa_features.py

The project does not depend on librosa: its numba wants older versions of numpy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000


def sound() -> npt.NDArray[np.float32]:
    """A tone that rises through the whole band, clicks, and noise that fades: 1.5 s."""
    time = np.arange(RATE * 3 // 2) / RATE
    rising = 0.5 * np.sin(2 * np.pi * (60 * time + 2600 * time**2))
    noise = 0.1 * np.random.default_rng(7).standard_normal(len(time)) * np.exp(-3 * time)
    clicks = 0.8 * (np.arange(len(time)) % 4001 == 17)
    return (rising + noise + clicks).astype(np.float32)


if __name__ == "__main__":
    import librosa

    power = librosa.feature.melspectrogram(y=sound(), sr=RATE, hop_length=256, n_fft=512, n_mels=96)
    features = np.log10(10_000 * power.T + 1).astype(np.float32)
    np.savez_compressed(
        Path(__file__).with_name("librosa_features.npz"),
        features=features,
        librosa=librosa.__version__,
    )
