"""What is stated of a SavedModel before it is examined. No TensorFlow here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wishes:
    """What is stated of a SavedModel: by options, or by its card.

    Attributes
    ----------
    rate : int or None
        Sample rate, Hz.
    window_s : float or None
        Length of one input, seconds.
    signature : str or None
        Its function.
    output, embeddings : str or None
        The outputs with the scores and with the embeddings: ``output``, or ``function:output``.
    logits : bool or None
        Whether the scores have not passed a sigmoid; None to find out.
    """

    rate: int | None = None
    window_s: float | None = None
    signature: str | None = None
    output: str | None = None
    embeddings: str | None = None
    logits: bool | None = None
    has_classes: bool = True
