"""Download the SavedModel of a handle. No TensorFlow here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dreamsound_studio.errors import ModelError, UntrustedModelError
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.caches import CachedFolder
from dreamsound_studio.models.store.fetch import fetch_first, fetch_saved_model
from dreamsound_studio.models.store.handles import Handle
from dreamsound_studio.models.store.watch import Watch


def fetch_handle(handle: Handle, models: Path, places: str, watch: Watch) -> Path:
    """Download the SavedModel of a handle.

    Parameters
    ----------
    handle : Handle
        The handle of an unlisted model.
    models : pathlib.Path
        Folder of models in which its folder appears.
    places : str
        The places that have been searched, for the message of an error.
    watch : Watch
        Receives progress; decides whether the model, which is a program, may run.

    Returns
    -------
    pathlib.Path
        Its folder.

    Raises
    ------
    ModelError
        It is not a SavedModel, not trusted, or cannot be downloaded.
    """
    kaggle = handle.kaggle
    if kaggle is not None and not kaggle.is_saved_model:
        raise ModelError(
            f"{handle.url}: {kaggle.framework} models are not SavedModels. Use a tensorFlow2 model."
        )
    if kaggle is not None and kaggle.version is None:
        raise ModelError(f"{handle.url}: no version. Add one, as in {handle.url}/1")
    # Asked before the download, not after: an untrusted model is never downloaded.
    if not watch.may_run(Path(handle.url.partition("://")[2])):
        raise untrusted(handle.url)
    folder = models / handle.folder_name
    watch.note(f"downloading {handle.url}")
    try:
        fetch_first(handle.download_urls, lambda url: fetch_saved_model(url, folder, watch), watch)
    except ModelError as error:
        raise ModelError(
            f"Model {handle.url} not found in {places}, and the download failed: {error}. Check "
            "the handle, or download the SavedModel elsewhere and install it (dreamsound models "
            "pull NAME --from DIR)."
        ) from error
    ledger.trust(ledger.fingerprint(folder))
    return folder


def note_problems(cached: Iterable[CachedFolder], watch: Watch) -> None:
    """Note which folders of a cache are passed over, and why."""
    for one in cached:
        if one.problem is not None:
            watch.note(f"passed over {one.path}: {one.problem}")


def untrusted(origin: object) -> UntrustedModelError:
    """Return the error about a SavedModel that the user has not trusted."""
    return UntrustedModelError(
        f"{origin}: a SavedModel is a program that runs with your rights. If you trust its maker, "
        "pass --trust once."
    )
