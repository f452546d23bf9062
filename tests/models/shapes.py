"""Small SavedModels with the call signatures of published audio networks.

They hear how loud five bands are, so that a dream of one of them climbs whatever the patch grid.
Forms from google-research/perch-hoplite (``perch_hoplite/zoo/taxonomy_model_tf.py``),
birdnet-team/birdnet (``acoustic/models/v2_4/pb.py``), tensorflow/models
(``vggish_export_tfhub.py``), spotify/basic-pitch and Keras 2's ``model.save``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BANDS, UNITS = 5, 7
#: Centres of the bands as shares of the sample rate.
CENTRES = np.array([0.02, 0.06, 0.12, 0.2, 0.35])
NAMES = tuple(f"band {number}" for number in range(BANDS))


def energies(waveforms: Any, width: int = 0) -> Any:
    """Return the energies of the bands, ``[batch, BANDS]``, or ``[batch, frames, BANDS]``."""
    import tensorflow as tf

    filters = np.cos(2 * np.pi * CENTRES * np.arange(64)[:, None]) * np.hanning(64)[:, None] / 16
    kernel = filters.astype(np.float32)[:, None]
    squares = tf.square(tf.nn.conv1d(waveforms[:, :, None], kernel, 16, "VALID"))
    if width:
        return tf.nn.avg_pool1d(squares, width, width, "VALID")
    return tf.reduce_mean(squares, axis=1)


def logits(waveforms: Any) -> Any:
    """Return the classes' logits, ``[batch, BANDS]``."""
    import tensorflow as tf

    return 2 * tf.math.log(energies(waveforms) + 1e-5) + 8


def embedding(waveforms: Any, units: int = UNITS) -> Any:
    """Return an embedding, ``[batch, units]``."""
    import tensorflow as tf

    matrix = np.random.default_rng(3).standard_normal((BANDS, units)).astype(np.float32)
    return tf.sqrt(energies(waveforms) + 1e-6) @ matrix


def spectrogram(waveforms: Any) -> Any:
    """Return a map over time with as many bins as there are classes."""
    import tensorflow as tf

    return tf.math.log(energies(waveforms, 12) + 1e-6)


def _function(run: Callable[[Any], Any], shape: Sequence[int | None], name: str = "inputs") -> Any:
    import tensorflow as tf

    spec = tf.TensorSpec(shape, tf.float32, name=name)
    return tf.function(run, input_signature=[spec])


def _save(
    folder: Path,
    signatures: dict[str, Any] | None = None,
    tables: dict[str, str] | None = None,
    **attributes: Any,
) -> None:
    import tensorflow as tf

    module = tf.Module()
    for name, value in attributes.items():
        setattr(module, name, value)
    tf.saved_model.save(module, str(folder), signatures=signatures)
    for name, header in (tables or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n".join([*header.split(), *NAMES]) + "\n")


def save_called(folder: Path, run: Callable[[Any], Any], shape: Sequence[int | None]) -> None:
    """Save a network that is called itself, as VGGish and Keras 2's networks are."""
    import tensorflow as tf

    class Called(tf.Module):  # type: ignore[misc, name-defined]
        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="w")])
        def __call__(self, w: Any) -> Any:
            return run(w)

    tf.saved_model.save(Called(), str(folder))


def save_outputs(
    folder: Path,
    outputs: dict[str, Callable[[Any], Any]],
    tables: dict[str, str] | None = None,
    shape: Sequence[int | None] = (None, 16_000),
) -> None:
    """Save a network with one signature of these outputs."""
    run = _function(lambda inputs: {name: out(inputs) for name, out in outputs.items()}, shape)
    _save(folder, {"serving_default": run}, tables)


def _perch2(folder: Path) -> None:
    import tensorflow as tf

    def run(inputs: Any) -> dict[str, Any]:
        return {
            "label": logits(inputs),
            "embedding": embedding(inputs),
            "spatial_embedding": tf.zeros([tf.shape(inputs)[0], 16, 4, UNITS]),
            "spectrogram": spectrogram(inputs),
        }

    tables = {"assets/labels.csv": "inat2024_fsd50k", "assets/perch_v2_ebird_classes.csv": "ebird"}
    _save(folder, {"serving_default": _function(run, [None, 160_000])}, tables)


def _perch1(folder: Path) -> None:
    infer = _function(lambda audio: (logits(audio), embedding(audio)), [None, 160_000])

    def run(inputs: Any) -> dict[str, Any]:
        first, second = infer(inputs)
        return {"output_0": first, "output_1": second}

    signature = {"serving_default": _function(run, [None, 160_000])}
    _save(folder, signature, {"assets/label.csv": "ebird2021"}, infer_tf=infer)


def _birdnet(folder: Path) -> None:
    basic = _function(lambda inputs: {"scores": logits(inputs)}, [None, 144_000])
    other = _function(lambda inputs: {"embeddings": embedding(inputs)}, [None, 144_000])
    _save(folder, {"basic": basic, "embeddings": other}, {"assets/classes.csv": "display_name"})


def _vggish(folder: Path) -> None:
    import tensorflow as tf

    def run(sound: Any) -> Any:
        return embedding(tf.signal.frame(sound, 15_360, 15_360), 128)

    save_called(folder, run, [None])


def _trillsson(folder: Path) -> None:
    save_called(folder, lambda sounds: {"embedding": embedding(sounds, 64)}, [None, None])


def _keras2(folder: Path) -> None:
    """Save as Keras 2 does: called with ``training``, and a signature beside."""
    import tensorflow as tf

    class Net(tf.Module):  # type: ignore[misc, name-defined]
        @tf.function
        def __call__(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
            del mask
            found = tf.sigmoid(logits(inputs))
            return tf.stop_gradient(found) if training else found

    net = Net()
    spec = tf.TensorSpec([None, 16_000], tf.float32, name="input_1")
    for training in (True, False):
        net.__call__.get_concrete_function(spec, training, None)
    tf.saved_model.save(net, str(folder), signatures={})
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "classes.txt").write_text("\n".join(NAMES))


def _basic_pitch(folder: Path) -> None:
    """Save a network of three maps over time, of sounds ``[batch, n, 1]``."""

    def run(sounds: Any) -> dict[str, Any]:
        maps = spectrogram(sounds[:, :, 0])
        return {"contour": maps, "note": maps[:, :, :3], "onset": maps[:, :, 1:3]}

    _save(folder, {"serving_default": _function(run, [None, 43_844, 1])})


def _ast(folder: Path) -> None:
    """Save a network of sounds ``[batch, 1, n]``, whose length four does not divide."""
    import tensorflow as tf

    def run(sounds: Any) -> dict[str, Any]:
        raw = logits(sounds[:, 0])
        return {"clipwise": tf.sigmoid(raw), "a_raw": raw, "hidden_states": embedding(sounds[:, 0])}

    _save(folder, {"serve": _function(run, [1, 1, 16_001])}, {"labels.txt": ""})


SHAPES: dict[str, Callable[[Path], None]] = {
    "perch2": _perch2,
    "perch1": _perch1,
    "birdnet": _birdnet,
    "vggish": _vggish,
    "trillsson": _trillsson,
    "keras2": _keras2,
    "pitch": _basic_pitch,
    "ast": _ast,
}
