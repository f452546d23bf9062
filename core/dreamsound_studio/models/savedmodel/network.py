"""Any SavedModel from waveform to scores, as a model with one layer to dream."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dreamsound_studio.errors import ModelError, is_out_of_memory
from dreamsound_studio.models.network import Model, Tensor
from dreamsound_studio.models.savedmodel.card import CARD_FILE, Card, read_card
from dreamsound_studio.models.store.ledger import fingerprint
from dreamsound_studio.models.weights import Weights

#: Keeps the logit of a score of 0 or 1 finite.
NEAREST = 1e-7
#: RMS of the test noise that probes a model's outputs and gradient.
PROBE_LEVEL = 0.1


class ForeignModel(Model):
    """A SavedModel: its patches are waveforms, and its layers are its outputs.

    Parameters
    ----------
    name : str
        Its name.
    weights_sha256 : str
        Hash of its folder.
    card : Card
        Its description.
    call : callable
        Maps a waveform ``[n]`` to the scores ``[rows, classes]`` and the embeddings
        ``[rows, units]``, if any.
    loaded : object, optional
        An object to keep alive with the model: a SavedModel's graph is freed with it.
    """

    def __init__(
        self,
        name: str,
        weights_sha256: str,
        card: Card,
        call: Callable[[Tensor], tuple[Tensor, Tensor | None]],
        loaded: Any = None,
    ) -> None:
        self.name = name
        self.graphs = {}
        self.weights_sha256 = weights_sha256
        self.sample_rate_hz = card.file.sample_rate_hz
        self.band_hz = (0.0, card.file.band_top_hz or self.sample_rate_hz / 2)
        # A patch is a waveform, cut into "frames" of one hop: four per patch.
        self.frame_hop_samples = max(1, round(card.file.patch_s * self.sample_rate_hz / 4))
        self.patch_frames = 4
        self.published_hop_frames = 2
        self.patch_samples = self.patch_frames * self.frame_hop_samples
        self.table = card.table
        self._call = call
        self._loaded = loaded
        self._gives_logits = card.file.outputs == "logits"

    def features(self, samples: Tensor) -> Tensor:
        """Return the samples ``[n]`` in rows of a quarter of a patch."""
        import tensorflow as tf

        count = tf.shape(samples)[0] // self.frame_hop_samples
        whole = tf.slice(samples, [0], [count * self.frame_hop_samples])
        return tf.reshape(whole, [count, self.frame_hop_samples])

    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return scores, logits and embeddings; see :meth:`Model.activations`."""
        import tensorflow as tf

        has_embeddings = "embeddings" in self.table.layers

        def hear(patch: Tensor) -> tuple[Tensor, Tensor]:
            scores, embeddings = self._call(tf.reshape(patch, [self.patch_samples]))
            mean = tf.reduce_mean(scores, axis=0)
            return mean, tf.reduce_mean(embeddings, axis=0) if has_embeddings else mean

        scores, embeddings = tf.map_fn(
            hear, patches, fn_output_signature=(tf.float32, tf.float32), parallel_iterations=2
        )
        scores = tf.ensure_shape(scores, [None, len(self.table.class_names)])
        if self._gives_logits:
            return {"scores": tf.sigmoid(scores), "logits": scores, "embeddings": embeddings}
        # Not clipped: a score near 0 still needs a gradient.
        logits = tf.math.log(scores + NEAREST) - tf.math.log(1 - scores + NEAREST)
        return {"scores": scores, "logits": logits, "embeddings": embeddings}


def load_saved_model(weights: Weights) -> ForeignModel:
    """Load a foreign SavedModel that the user trusts.

    Parameters
    ----------
    weights : Weights
        Its folder.

    Returns
    -------
    ForeignModel

    Raises
    ------
    ModelError
        It cannot be loaded, does not map a waveform to scores, has no gradient, or its numbers of
        classes and scores differ.
    """
    folder = weights.place
    card = read_card(folder, weights.name)
    try:
        loaded = _import_hub().load(str(folder))
    except Exception as error:  # TensorFlow has several families of errors
        if is_out_of_memory(error):
            raise
        raise ModelError(f"{folder} cannot be loaded: {_first_line(error)}") from error
    call = _call_of(loaded, folder)
    embeddings = _tried(call, card, folder)
    if embeddings is not None:
        classes = len(card.table.class_names)
        layers = {"scores": (classes,), "embeddings": (int(embeddings.shape[-1]),)}
        table = replace(card.table, layers=layers, guide_layer="embeddings")
        card = Card(card.file, table)
    return ForeignModel(weights.name, fingerprint(folder), card, call, loaded)


def _tried(
    call: Callable[[Tensor], tuple[Tensor, Tensor | None]], card: Card, folder: Path
) -> Tensor | None:
    """Return the embeddings of a patch of noise, if there are any.

    Raises
    ------
    ModelError
        The scores are not what the card says, or have no gradient.
    """
    import tensorflow as tf

    length = round(card.file.patch_s * card.file.sample_rate_hz)
    noise = PROBE_LEVEL * np.random.default_rng(0).standard_normal(length).astype(np.float32)
    try:
        with tf.GradientTape() as tape:
            waveform = tf.constant(noise)
            tape.watch(waveform)
            scores, embeddings = call(waveform)
            total = tf.reduce_sum(scores)
        slope = tape.gradient(total, waveform)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"{folder}: does not accept a waveform of {length} samples: {_first_line(error)}"
        ) from error
    classes = len(card.table.class_names)
    if scores.shape[-1] != classes:
        raise ModelError(
            f"{folder}: {scores.shape[-1]} scores, but its table names {classes} classes. "
            f"Name the right table in {folder / CARD_FILE}."
        )
    if card.file.outputs == "scores" and not (
        float(tf.reduce_min(scores)) >= 0 and float(tf.reduce_max(scores)) <= 1
    ):
        raise ModelError(
            f"{folder}: outputs outside 0 to 1. If they are logits, add "
            f'"outputs": "logits" to {folder / CARD_FILE}.'
        )
    if slope is None or not float(tf.reduce_max(tf.abs(slope))) > 0:
        raise ModelError(
            f"{folder}: no gradient from scores to waveform; the model can listen, not dream"
        )
    return embeddings


def _import_hub() -> Any:
    """Import tensorflow-hub without its warning that pkg_resources is deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        import tensorflow_hub
    return tensorflow_hub


def _call_of(loaded: Any, folder: object) -> Callable[[Tensor], tuple[Tensor, Tensor | None]]:
    """Return the function to call: the object itself, or its only signature."""
    if callable(loaded):
        return lambda waveform: _outputs(loaded(waveform))
    signatures = dict(getattr(loaded, "signatures", {}))
    signature = signatures.get("serving_default")
    if signature is None and len(signatures) == 1:
        signature = next(iter(signatures.values()))
    if signature is None:
        names = ", ".join(sorted(signatures)) or "none"
        raise ModelError(f"{folder}: no signature serving_default (available: {names})")
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1:
        raise ModelError(
            f"{folder}: needs {len(inputs)} inputs ({', '.join(inputs)}) instead of one waveform"
        )
    (name, spec), *_ = inputs.items()
    batched = spec.shape.rank == 2

    def call(waveform: Tensor) -> tuple[Tensor, Tensor | None]:
        outputs = signature(**{name: waveform[None] if batched else waveform})
        ordered = [outputs[key] for key in sorted(outputs)]
        return _outputs(
            [value[0] if batched and value.shape.rank == 3 else value for value in ordered]
        )

    return call


def _outputs(outputs: Any) -> tuple[Tensor, Tensor | None]:
    """Return ``(scores [rows, classes], embeddings [rows, units] or None)``."""
    import tensorflow as tf

    if isinstance(outputs, dict):
        outputs = [outputs[key] for key in sorted(outputs)]
    if not isinstance(outputs, list | tuple):
        outputs = [outputs]

    def rows(value: Tensor) -> Tensor:
        value = tf.cast(value, tf.float32)
        return value[None] if value.shape.rank == 1 else value

    scores = rows(outputs[0])
    embeddings = rows(outputs[1]) if len(outputs) > 1 else None
    return scores, embeddings


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
