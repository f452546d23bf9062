"""What the tests of the store do first: jobs that are added, and workers that may claim them."""

from __future__ import annotations

from typing import Any

from dreamsound_studio.queue.store.records import NewJob
from dreamsound_studio.queue.store.store import Store


def job(name: str = "a", **more: Any) -> NewJob:
    return NewJob(input=f"/sounds/{name}.wav", **more)


def names(store: Store) -> list[str]:
    """The queue as it will be claimed."""
    return [one.name.removesuffix(".wav") for one in store.jobs("queued")]


def worker(store: Store, name: str = "w") -> str:
    store.register_worker(name, store.folder / f"{name}.lock")
    return name
