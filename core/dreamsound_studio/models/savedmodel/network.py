"""Any SavedModel that hears a waveform, as a model whose layers are its outputs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import ModelError, is_out_of_memory
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.network import PATCH_BYTES, Model, Tensor
from dreamsound_studio.models.savedmodel.card import Card, read_card
from dreamsound_studio.models.savedmodel.examine import Examined, examine_saved_model
from dreamsound_studio.models.savedmodel.labels import LabelTable
from dreamsound_studio.models.savedmodel.profiles import conditions
from dreamsound_studio.models.savedmodel.trial import TriedOutput, first_line
from dreamsound_studio.models.savedmodel.wishes import Wishes
from dreamsound_studio.models.store.ledger import fingerprint
from dreamsound_studio.models.weights import CARD_FILE, Weights

#: Keeps the logit of a score of 0 or 1 finite.
NEAREST = 1e-7
#: Steps of shifts of the patch grid: strides of most networks divide the first, of many the others.
GRID_STEPS = (1280, 320, 64)
#: How many such shifts a hop has at least.
FEWEST_SHIFTS = 4
#: What to do about a card that states something wrong.
IN_CARD = {
    "signature": 'Correct "signature" in {place}.',
    "output": 'Name the output with the scores as "output" in {place}.',
    "embeddings": 'Name the output with the embeddings as "embeddings" in {place}.',
    "logits": 'If they are logits, add "outputs": "logits" to {place}.',
    "rate": 'Add "sample_rate_hz" to {place}.',
    "window_s": 'Correct "patch_s", or "sample_rate_hz", in {place}.',
    "labels": 'Name the right table as "classes" in {place}.',
}


class ForeignModel(Model):
    """A SavedModel: its patches are waveforms, and its layers are its outputs.

    Parameters
    ----------
    name : str
        Its name.
    weights_sha256 : str
        Hash of its folder.
    table : NameTable
        Its classes, if it has any, and its layers.
    found : Examined
        Its functions, rate, window and outputs.
    band_top_hz : float or None
        Top of its band; None for half its rate.
    loaded : object, optional
        An object to keep alive with the model: a SavedModel's graph is freed with it.
    """

    def __init__(
        self,
        name: str,
        weights_sha256: str,
        table: NameTable,
        found: Examined,
        band_top_hz: float | None = None,
        loaded: Any = None,
    ) -> None:
        self.name = name
        self.graphs = {}
        self.weights_sha256 = weights_sha256
        self.sample_rate_hz = found.rate
        self.band_hz = (0.0, band_top_hz or self.sample_rate_hz / 2)
        # A patch is a waveform, cut into "frames" of one hop: four per patch.
        self.frame_hop_samples = -(-found.samples // 4)
        self.patch_frames = 4
        self.published_hop_frames = 2
        self.patch_samples = self.patch_frames * self.frame_hop_samples
        # A learned front end hears a sound that moves by less than one of its frames as another:
        # the gradient at such a shift is none at another.
        most = self.published_hop_frames * self.frame_hop_samples // FEWEST_SHIFTS
        self.grid_step_samples = next((step for step in GRID_STEPS if step <= most), 1)
        self.patch_bytes = round(PATCH_BYTES * max(1.0, found.samples / found.rate))
        self.table = table
        self._found = found
        self._loaded = loaded

    def features(self, samples: Tensor) -> Tensor:
        """Return the samples ``[n]`` in rows of a quarter of a patch."""
        import tensorflow as tf

        count = tf.shape(samples)[0] // self.frame_hop_samples
        whole = tf.slice(samples, [0], [count * self.frame_hop_samples])
        return tf.reshape(whole, [count, self.frame_hop_samples])

    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return scores, logits and embeddings; see :meth:`Model.activations`.

        A network without classes has one score, 0, for every patch.
        """
        import tensorflow as tf

        waveforms = tf.reshape(patches, [-1, self.patch_samples])[:, : self._found.samples]
        outputs = [one for one in (self._found.scores, self._found.embeddings) if one is not None]
        if self._found.takes_batches:
            vectors = _heard(outputs, waveforms, batch=True)
        else:
            vectors = tf.map_fn(
                lambda waveform: _heard(outputs, waveform, batch=False),
                waveforms,
                fn_output_signature=[tf.float32] * len(outputs),
                parallel_iterations=2,
            )
        vectors = [
            tf.ensure_shape(vector, [None, one.units])
            for vector, one in zip(vectors, outputs, strict=True)
        ]
        if self._found.scores is None:
            nothing = tf.zeros([tf.shape(waveforms)[0], 1])
            return {"scores": nothing, "logits": nothing, "embeddings": vectors[0]}
        scores = vectors[0]
        # A network without embeddings is compared by its scores.
        embeddings = vectors[-1]
        if self._found.is_logits:
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
        It cannot be loaded, does not map a waveform to scores or embeddings, has no gradient, its
        numbers of classes and scores differ, or its licence has not been accepted.
    """
    folder = weights.place
    card = read_card(folder, weights.name)
    loaded = open_saved_model(folder)
    found = examined(loaded, folder, card)
    terms = None if found.profile is None else conditions(found.profile)
    if terms is not None and card.file.licence is None:
        raise ModelError(
            f"{folder}: {terms}. Run dreamsound models add NAME --from {folder} --accept-licence, "
            "if you accept it."
        )
    table = named_layers(card.table, found)
    return ForeignModel(
        weights.name, fingerprint(folder), table, found, card.file.band_top_hz, loaded
    )


def open_saved_model(folder: Path) -> Any:
    """Return a SavedModel, loaded: from now on it is a program at work.

    Raises
    ------
    ModelError
        It is damaged.
    """
    try:
        return _import_hub().load(str(folder))
    except Exception as error:  # TensorFlow has several families of errors
        if is_out_of_memory(error):
            raise
        raise ModelError(f"{folder} cannot be loaded: {first_line(error)}") from error


def examined(loaded: Any, folder: Path, card: Card) -> Examined:
    """Return how to dream with a SavedModel, as its card says.

    Raises
    ------
    ModelError
        The card does not fit the SavedModel.
    """
    file = card.file
    place = folder / CARD_FILE
    wishes = Wishes(
        rate=file.sample_rate_hz,
        window_s=file.patch_s if "patch_s" in file.model_fields_set else None,
        signature=file.signature,
        output=file.output,
        embeddings=file.embeddings,
        logits=file.outputs == "logits",
    )
    tables = [] if card.classes is None else [LabelTable(card.classes, card.table.class_names)]

    def remedy(what: str) -> str:
        return IN_CARD[what].format(place=place)

    return examine_saved_model(loaded, folder, wishes, tables, True, remedy)


def named_layers(table: NameTable, found: Examined) -> NameTable:
    """Return a table of names with the outputs that were found as layers."""
    layers = {} if found.scores is None else {"scores": (found.scores.units,)}
    if found.embeddings is not None:
        layers["embeddings"] = (found.embeddings.units,)
    return replace(table, layers=layers, guide_layer=list(layers)[-1])


def _heard(outputs: Sequence[TriedOutput], waveforms: Tensor, batch: bool) -> list[Tensor]:
    """Return mean vectors of outputs: ``[batch, units]`` each, or ``[units]``."""
    import tensorflow as tf

    called: dict[str, dict[str, Tensor]] = {}
    vectors = []
    for one in outputs:
        function = one.function
        if function.name not in called:
            call = function.call_batch if batch else function.call
            called[function.name] = call(waveforms)
        value = tf.cast(called[function.name][one.name], tf.float32)
        value = tf.ensure_shape(value, [None] * len(one.shape))
        kept = {one.axis, 0} if batch else {one.axis}
        others = [axis for axis in range(len(one.shape)) if axis not in kept]
        mean = tf.reduce_mean(value, axis=others) if others else value
        vectors.append(tf.reshape(mean, [-1, one.units] if batch else [one.units]))
    return vectors


def _import_hub() -> Any:
    """Import tensorflow-hub without its warning that pkg_resources is deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        import tensorflow_hub
    return tensorflow_hub
