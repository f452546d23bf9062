"""Air: fill the spectrum above a model's band from the octave below."""

from __future__ import annotations

import numpy as np

from dreamsound_studio.dsp.stft import ComplexArray
from dreamsound_studio.errors import RecipeError

#: Frames that must overlap at each sample; with fewer, the octave beats at the hop rate.
LEAST_FRAMES = 4


def octave_up(
    spectra: ComplexArray,
    sample_rate_hz: int,
    band_top_hz: float,
    hop_samples: int,
    fft_size: int,
    first_frame: int = 0,
) -> ComplexArray:
    """Return the upper half of the band, shifted up an octave into the bins above the band.

    Parameters
    ----------
    spectra : numpy.ndarray
        X, complex64 ``[channels, frames, bins]``, of an :class:`~dreamsound_studio.dsp.stft.Stft`.
    sample_rate_hz : int
        Rate.
    band_top_hz : float
        Top of the model's band. Reads the bins from half of it up to it; fills the bins above it,
        up to twice the band or half the rate. All others are 0.
    hop_samples, fft_size : int
        Of the STFT; the hop is at most a quarter of the frame.
    first_frame : int, optional
        Which frame of the sound the first one is. It makes no difference, see the Notes; taken so
        that the function can be handed to :func:`~dreamsound_studio.dsp.stft.run_stft`.

    Returns
    -------
    numpy.ndarray
        Y, complex64 of the shape of `spectra`.

    Raises
    ------
    RecipeError
        The hop is over a quarter of the frame.

    Notes
    -----
    Magnitudes are read at half the frequency and phases doubled, as a phase vocoder with a ratio of
    2 does [1]_: ``Y[2k] = X[k] X[k] / |X[k]|``, and between two bins their geometric mean,
    ``Y[2k+1] = X[k] X[k+1] / sqrt(|X[k] X[k+1]|)``.

    A sinusoid of phase ``p = w n + c`` at sample n has, in a frame that starts at n, bin phases of
    ``p - pi (k - b)`` with b its frequency in bins: the window is symmetric about its middle. Y[K]
    then has ``2 p - pi (K - 2 b)`` for even and odd K, which is that of a sinusoid of phase 2 p in
    the same frame, whatever the frame: ``2 w n + 2 c``. So no offset needs correcting from
    frame to frame, and no phase carries over from block to block.

    Lobes become twice as wide, so a frame's content contracts towards its middle: half the frame,
    still about a Hann window. At a hop of a quarter of the frame these add up to a steady level
    (measured for sinusoids: 0.2 to 1.0 dB over the original's, beating by 0.6 dB, all other lines
    30 dB lower); at three tenths it beats by 5 dB, at a half by 40.

    References
    ----------
    .. [1] J. Laroche and M. Dolson, "Improved phase vocoder time-scale modification of audio",
       IEEE Trans. Speech and Audio Processing 7(3), 1999.
    """
    if hop_samples * LEAST_FRAMES > fft_size:
        raise RecipeError(
            f"Hop of {hop_samples} samples is too large for air: octave. Use at most "
            f"{fft_size // LEAST_FRAMES}, a quarter of fft_size {fft_size}."
        )
    bins = np.arange(fft_size // 2 + 1)
    hz = bins * (sample_rate_hz / fft_size)
    read = spectra * ((hz >= band_top_hz / 2) & (hz <= band_top_hz))
    # Y lies on a grid twice as fine: bin K falls between the bins K / 2, rounded down and up.
    product = read[..., bins // 2] * read[..., (bins + 1) // 2]
    size = np.sqrt(np.abs(product))
    filled = np.divide(product, size, out=np.zeros_like(product), where=size > 0)
    return np.asarray(filled * (hz > band_top_hz), np.complex64)
