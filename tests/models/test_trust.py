"""Trust in a SavedModel: what its fingerprint covers, and who can give it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dreamsound_studio.errors import ModelError, UntrustedModelError
from dreamsound_studio.jobs.models import WarmModels
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.trust import models_of, trust_models, trusted_fingerprints
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.ledger import fingerprint
from dreamsound_studio.recipe.recipe import Recipe


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that looks like a SavedModel; nothing here loads it."""
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    return folder


def test_the_fingerprint_covers_what_links_lead_to(model: Path, tmp_path: Path) -> None:
    behind = tmp_path / "behind"
    behind.mkdir()
    (behind / "shard").write_bytes(b"one")
    (model / "assets").symlink_to(behind, target_is_directory=True)
    (tmp_path / "table.csv").write_text("name\na\n")
    (model / "classes.csv").symlink_to(tmp_path / "table.csv")
    first = fingerprint(model)
    assert fingerprint(model) == first
    (behind / "shard").write_bytes(b"two")
    second = fingerprint(model)
    (tmp_path / "table.csv").write_text("name\nb\n")
    third = fingerprint(model)
    (behind / "more").write_bytes(b"")
    assert len({first, second, third, fingerprint(model)}) == 4


def test_a_link_that_leads_nowhere_counts_once_it_leads_somewhere(
    model: Path, tmp_path: Path
) -> None:
    (model / "later").symlink_to(tmp_path / "later")
    before = fingerprint(model)
    (tmp_path / "later").write_bytes(b"code")
    assert fingerprint(model) != before


def test_links_in_a_circle_and_pipes_are_refused(model: Path) -> None:
    (model / "again").symlink_to(model, target_is_directory=True)
    with pytest.raises(ModelError, match="a folder that it lies in"):
        fingerprint(model)
    (model / "again").unlink()
    os.mkfifo(model / "pipe")
    with pytest.raises(ModelError, match="neither a file nor a folder"):
        fingerprint(model)


def test_a_link_to_a_whole_disk_is_refused_before_it_is_read(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MOST_FILES", 20)
    disk = tmp_path / "disk"
    disk.mkdir()
    for number in range(30):
        (disk / str(number)).touch()
    (model / "disk").symlink_to(disk, target_is_directory=True)
    monkeypatch.setattr(ledger, "sha256_of", lambda _: pytest.fail("read a file"))
    with pytest.raises(ModelError, match="more than 20 files"):
        fingerprint(model)


def test_no_job_recipe_or_render_trusts_a_model(model: Path, tmp_path: Path) -> None:
    document = {"input": "a.wav", "out": ".", "recipe": {"model": str(model)}, "trust": True}
    spec = JobRequest.make(document).model_copy(update={"judge": "none"}).settled(tmp_path)
    assert "trust" not in spec.model_dump()
    with pytest.raises(UntrustedModelError, match="program that runs with your rights"):
        WarmModels(2**30).load(spec.recipe)
    assert trusted_fingerprints(models_of(spec)) == ()


def test_a_person_trusts_a_model_as_it_is(model: Path) -> None:
    assert trust_models([str(model), "auto", "no/such/model"]) == [model]
    assert trust_models([str(model)]) == []
    (model / "variables" / "variables.index").write_bytes(b"other")
    with pytest.raises(UntrustedModelError):
        WarmModels(2**30).load(Recipe(model=str(model)))


def test_a_farm_machine_takes_over_the_trust_in_this_very_model(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LoadedError(Exception):
        """The model has passed, and would be loaded."""

    def loaded(*_: object) -> None:
        raise LoadedError

    monkeypatch.setattr("dreamsound_studio.jobs.models.table_of", loaded)
    with pytest.raises(UntrustedModelError):
        WarmModels(2**30).load(Recipe(model=str(model)), trusted=["0" * 64])
    with pytest.raises(LoadedError):
        WarmModels(2**30).load(Recipe(model=str(model)), trusted=[fingerprint(model)])
