"""``--judge``: a second model hears source and dream; it changes no byte and loses no render."""

from __future__ import annotations

import importlib
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_studio.dream.judgement import Judgement
from dreamsound_studio.errors import ModelError, RecipeError
from dreamsound_studio.jobs.judge import judge_of
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.library.library import Library
from dreamsound_studio.library.schema import MIGRATIONS
from dreamsound_studio.models import plugins
from dreamsound_studio.models.ensemble import Ensemble
from dreamsound_studio.models.musicnn.tables import TAG_NAMES
from dreamsound_studio.models.musicnn.tables import names as tags_of
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.shared_classes import SAME_MEANING, shared_class
from dreamsound_studio.models.store.local import MODELS_VARIABLE
from dreamsound_studio.models.yamnet.tables import names as yamnet_names
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker

from ..models.test_plugins import PLUGIN, install
from .conftest import Command

#: Hears in two frames of 50 ms, spells its classes in its own way, and has one more.
SECOND = (
    PLUGIN.replace('self.name = "loudness"', 'self.name = "second"')
    .replace('"0" * 64', '"1" * 64')
    .replace("self.published_hop_frames = 4, 400, 4", "self.published_hop_frames = 2, 400, 2")
    .replace("self.patch_samples = 1600", "self.patch_samples = 800")
    .replace('("loud", "soft"), layers={"level": (4,)}', '("hiss", "LOUD"), layers={"level": (2,)}')
    .replace("[mean, -mean]", "[-mean, mean]")
)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare_machine: Path) -> Path:
    """Two small plug-ins, ``loudness`` and ``second``, on a machine that can reach no network."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    for module in ("loudness", "second"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    plugins.plugin_of.cache_clear()
    install(folder, "loudness", PLUGIN)
    install(folder, "second", SECOND)
    return folder


@pytest.fixture
def soft(tmp_path: Path) -> Path:
    values = 0.02 * np.random.default_rng(1).standard_normal(6000)
    soundfile.write(tmp_path / "soft.wav", values, 8000)
    return tmp_path / "soft.wav"


@pytest.fixture
def render(command: Command, models: Path, soft: Path) -> Command:
    """Dream the soft sound toward ``loud`` of the first plug-in."""

    def run(*arguments: object) -> Any:
        fixed = (
            "--model",
            "loudness",
            "--method",
            "add",
            "--steps",
            2,
            "--renders",
            "dream",
            "--level",
            "raw",
        )
        aim = () if "--layer" in arguments else ("--class", "loud")
        return command("render", soft, *fixed, "--bits", "32f", *aim, *arguments)

    return run


def mean_heard(command: Command, sound: Path | str, name: str) -> float:
    listened = command("listen", sound, "--model", "second", "--json", "--top", 2)
    assert listened.code == 0, listened.err
    return next(one["mean"] for one in json.loads(listened.out)["classes"] if one["name"] == name)


# -- what it says ---------------------------------------------------------------------------------


def test_it_says_what_listen_says_of_source_and_dream(
    render: Command, command: Command, soft: Path, tmp_path: Path
) -> None:
    outcome = render("--judge", "second", "--json", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    [report] = outcome.inputs
    judged = report["judged"]
    assert (judged["model"], judged["weights_sha256"]) == ("second", "1" * 64)
    assert judged["class"] == "LOUD"  # its own spelling
    assert judged["before"] == pytest.approx(mean_heard(command, soft, "LOUD"), abs=1e-4)
    dreamed = mean_heard(command, report["renders"]["dream"], "LOUD")
    assert judged["after"] == pytest.approx(dreamed, abs=1e-4)
    assert judged["after"] > judged["before"] + 0.005
    assert [one["class"] for one in judged["top_before"]] == ["hiss", "LOUD"]
    assert judged["top_before"][1]["score"] == judged["before"]
    line = f"second hears LOUD {judged['before']:.3f} → {judged['after']:.3f}"
    assert f"{soft}: {line}" in outcome.err
    assert str(Judgement.from_dict(judged)) == line


def test_a_judge_without_the_class_says_what_it_hears_most(
    render: Command, models: Path, tmp_path: Path
) -> None:
    (models / "second.py").write_text(SECOND.replace('"LOUD"', '"roar"'))
    outcome = render("--judge", "second", "--json", "--out", tmp_path / "out")
    judged = outcome.inputs[0]["judged"]
    assert (judged["class"], judged["before"], judged["after"]) == (None, None, None)
    first, second = (judged[name][0] for name in ("top_before", "top_after"))
    assert first["class"] == "hiss"
    assert first["score"] > second["score"]
    assert f"second hears hiss {first['score']:.3f}, roar" in outcome.err


def test_a_layer_names_no_class_to_judge(render: Command, tmp_path: Path) -> None:
    outcome = render("--judge", "second", "--layer", "level", "--json", "--out", tmp_path / "out")
    judged = outcome.inputs[0]["judged"]
    assert judged["class"] is None
    assert judged["top_after"]


def test_it_changes_no_byte(render: Command, tmp_path: Path) -> None:
    paths = []
    for judge in ("second", "none"):
        outcome = render("--judge", judge, "--json", "--out", tmp_path / judge)
        paths.append(Path(outcome.inputs[0]["renders"]["dream"]))
        assert (outcome.inputs[0]["judged"] is None) == (judge == "none")
        assert "judge" not in outcome.inputs[0]["recipe"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_without_musicnn_nobody_judges_by_default(render: Command, tmp_path: Path) -> None:
    outcome = render("--json", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert outcome.inputs[0]["judged"] is None
    assert "hears" not in outcome.err


# -- what goes wrong ------------------------------------------------------------------------------


def test_an_unknown_judge_is_an_error_with_the_names(render: Command, tmp_path: Path) -> None:
    for extra in ((), ("--dry-run",), ("--queue",)):
        outcome = render("--judge", "nobody", "--out", tmp_path / "out", *extra)
        assert outcome.code == 2
        [line] = outcome.err.splitlines()
        assert "judge: Unknown model 'nobody'" in line
        assert all(name in line for name in ("yamnet", "msd-musicnn", "second"))
    assert not (tmp_path / "out").exists()


def test_a_judge_that_is_unavailable_is_an_error_before_the_dream(
    render: Command, tmp_path: Path
) -> None:
    outcome = render("--judge", "msd-vgg", "--out", tmp_path / "out")
    assert outcome.code == 3
    assert "Model msd-vgg not found" in outcome.err
    assert ": step 1/2" not in outcome.err
    assert not list((tmp_path / "out").glob("*"))


def test_the_model_that_is_climbed_does_not_judge(render: Command, tmp_path: Path) -> None:
    outcome = render("--judge", "loudness", "--out", tmp_path / "out")
    assert (outcome.code, "climbs this model itself" in outcome.err) == (2, True)
    assert ": step 1/2" not in outcome.err


def test_a_judge_that_fails_loses_no_render(render: Command, models: Path, tmp_path: Path) -> None:
    broken = SECOND.replace("level = patches[:, :, 0]", 'raise OSError("it fell\\nasleep")')
    (models / "second.py").write_text(broken)
    outcome = render("--judge", "second", "--json", "--out", tmp_path / "out")
    assert outcome.code == 0
    [report] = outcome.inputs
    assert report["judged"] is None
    assert Path(report["renders"]["dream"]).is_file()
    [warning] = [line for line in report["warnings"] if line.startswith("judge: not heard: ")]
    assert "it fell asleep" in warning
    assert warning in outcome.err


def test_scores_that_are_no_numbers_are_a_warning(
    render: Command, models: Path, tmp_path: Path
) -> None:
    (models / "second.py").write_text(SECOND.replace("tf.sigmoid(logits)", "logits / 0.0 * 0.0"))
    outcome = render("--judge", "second", "--json", "--out", tmp_path / "out")
    assert outcome.code == 0
    assert outcome.inputs[0]["judged"] is None
    assert any("no finite scores" in line for line in outcome.inputs[0]["warnings"])


# -- where it stands ------------------------------------------------------------------------------


def test_the_library_keeps_and_shows_it(
    render: Command, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSOUND_LIBRARY", str(tmp_path / "library.sqlite"))
    judged = render("--judge", "second", "--json", "--out", tmp_path / "a").inputs[0]["judged"]
    render("--judge", "none", "--out", tmp_path / "b")
    with Library(tmp_path / "library.sqlite") as library:
        assert [one.judged for one in library.list()] == [None, judged]
    assert json.loads(command("library", "show", 1, "--json").out)["judged"] == judged
    shown = command("library", "show", 1).out
    assert f"second hears LOUD {judged['before']:.3f} → {judged['after']:.3f}" in shown
    assert "hears" not in command("library", "show", 2).out


def test_a_library_from_before_has_no_judgements(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "library.sqlite"
    with Library(path) as library:
        library.count()
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE details DROP COLUMN judged")
    connection.execute("PRAGMA user_version = 1")
    columns = "ended, source, source_sha256, start, length, sample_rate_hz, channels, preset, "
    columns += "model, weights_sha256, engine_version, class_name, stars, notes"
    values = ("2026-01-01T00:00:00.000Z", "a.wav", "", 0, 1, 8000, 1, "", "m", "", "", "C", 0, "")
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO dreams ({columns}) VALUES ({marks})", values)
    connection.execute("INSERT INTO details (id, scores, recipe) VALUES (1, '{}', '{}')")
    connection.commit()
    connection.close()
    with Library(path) as library:
        assert library.get(1).judged is None
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    connection.close()


@pytest.mark.usefixtures("models")
def test_reports_of_batch_and_vary_have_it(command: Command, soft: Path, tmp_path: Path) -> None:
    shared = ("--model", "loudness", "--class", "loud", "--steps", 1, "--judge", "second")
    done = command("batch", soft, "--out", tmp_path / "batch", *shared, "--json")
    assert done.code == 0, done.err
    judged = json.loads(done.out)["inputs"][0]["judged"]
    line = f"second hears LOUD {judged['before']:.3f} → {judged['after']:.3f}"
    assert f", {line}, " in done.err
    assert f">{line}<" in (tmp_path / "batch" / "batch_report.html").read_text(encoding="utf-8")
    out = tmp_path / "vary"
    done = command("vary", soft, "--grid", "seed=0,1", "--out", out, *shared, "--json")
    assert done.code == 0, done.err
    first, second = (one["judged"] for one in json.loads(done.out)["variations"])
    assert first == judged
    assert f">{Judgement.from_dict(second)}<" in (out / "index.html").read_text(encoding="utf-8")
    wrong = command("vary", soft, "--grid", "seed=1,2", *shared[:-1], "nobody")
    assert (wrong.code, "judge: Unknown model 'nobody'" in wrong.err) == (2, True)


@pytest.mark.usefixtures("models")
def test_jobs_in_the_queue_have_it(
    command: Command, soft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(QUEUE_VARIABLE, str(tmp_path / "queue.sqlite"))
    shared = ("--model", "loudness", "--class", "loud", "--steps", 1, "--no-start")
    for judge in ("second", "none", "auto"):
        out = ("--out", tmp_path / judge)
        added = command("queue", "add", soft, *out, *shared, "--judge", judge)
        assert added.code == 0, added.err
    with Store(tmp_path / "queue.sqlite") as store:
        Worker(store, WorkerOptions(until_empty=True, checkpoint_every_s=0.0)).run()
    jobs = [json.loads(command("queue", "show", n, "--json").out) for n in (1, 2, 3)]
    assert [job["state"] for job in jobs] == ["done"] * 3, jobs
    judged = jobs[0]["result"]["judged"]
    assert (judged["model"], judged["class"]) == ("second", "LOUD")
    assert [job["result"]["judged"] for job in jobs[1:]] == [None, None]
    assert [job["request"].get("judge") for job in jobs] == ["second", "none", "auto"]
    command("queue", "report", "--out", tmp_path / "report")
    page = (tmp_path / "report" / "queue_report.html").read_text(encoding="utf-8")
    assert page.count("second hears LOUD") == 1


def test_a_preview_is_judged_only_by_a_judge_that_is_named() -> None:
    judges = [
        judge_of(JobSpec(kind=kind, judge=judge))
        for kind in ("render", "preview")
        for judge in ("auto", "second")
    ]
    assert judges == ["auto", "second", "none", "second"]


def test_scripts_have_it(models: Path, soft: Path) -> None:
    shared = {"class_": "loud", "steps": 1}
    first, second = (dreamsound.load_model(name) for name in ("loudness", "second"))
    by_name = dreamsound.dream(soft, model=first, judge="second", **shared)
    by_model = dreamsound.dream(soft, model=first, judge=second, **shared)
    assert by_name.judged is not None
    assert by_name.judged == by_model.judged
    assert by_name.judged.class_name == "LOUD"
    before = dreamsound.listen(soft, model=second).of(1).mean
    assert by_name.judged.before == pytest.approx(before, abs=1e-4)
    assert dreamsound.dream(soft, model=first, **shared).judged is None
    with pytest.raises(RecipeError, match="climbs this model itself"):
        dreamsound.Dreaming(soft, model=first, judge=first, **shared)
    with pytest.raises(ModelError, match="Unknown model 'nobody'"):
        dreamsound.Dreaming(soft, model=first, judge="nobody", **shared)


# -- which classes mean the same ------------------------------------------------------------------


def test_every_shared_name_exists_and_is_found_both_ways() -> None:
    yamnet, tags = yamnet_names(), {*TAG_NAMES["mtt"], *TAG_NAMES["msd"]}
    for name, meant in SAME_MEANING.items():
        assert name in yamnet.class_names
        assert set(meant) <= tags
        heard = [shared_class(name, tags_of(f"{data}-musicnn")) for data in ("mtt", "msd")]
        assert any(index is not None for index in heard), name
        for tag in meant:
            assert shared_class(tag, yamnet) is not None, tag


@pytest.mark.parametrize(
    ("name", "mtt", "msd"),
    [
        ("Drum", "drums", None),
        ("Guitar", "guitar", "guitar"),
        ("Singing", "singing", None),
        ("Hip hop music", None, "Hip-Hop"),
        ("Heavy metal", "metal", "heavy metal"),  # the same name comes first
        ("Violin, fiddle", "violin", None),
        ("Bird", None, None),
        ("Speech", None, None),
    ],
)
def test_musicnn_has_tags_for_some_classes(name: str, mtt: str | None, msd: str | None) -> None:
    for data, expected in (("mtt", mtt), ("msd", msd)):
        table = tags_of(f"{data}-musicnn")
        index = shared_class(name, table)
        assert (None if index is None else table.class_names[index]) == expected


def test_of_two_classes_with_one_name_the_first_is_meant() -> None:
    assert shared_class("b", NameTable("two", ("a", "B", "b"), {})) == 1


# -- with YAMNet and musicnn ----------------------------------------------------------------------


@pytest.mark.yamnet
def test_musicnn_judges_by_default_what_it_has_a_tag_for(
    yamnet: Any, musicnn_package: Path, bird: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [os.environ.get(MODELS_VARIABLE, ""), str(musicnn_package)]
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep.join(filter(None, folders)))
    dreams = {
        aim: dreamsound.dream(bird, model=yamnet, steps=1, **{field: aim})
        for field, aim in (
            ("class_", "Drum"),
            ("class_", "Hip hop music"),
            ("class_", "Bird"),
            ("layer", "layer3"),
        )
    }
    assert dreams["Bird"].judged is None
    assert dreams["layer3"].judged is None
    hip_hop = dreams["Hip hop music"].judged
    assert hip_hop is not None
    assert (hip_hop.model, hip_hop.class_name) == ("msd-musicnn", "Hip-Hop")
    judged = dreams["Drum"].judged
    assert judged is not None
    assert (judged.model, judged.class_name) == ("mtt-musicnn", "drums")
    judge = dreamsound.load_model("mtt-musicnn")
    drums = judge.table.find_class("drums")
    for sound, score in (
        (dreams["Drum"].source, judged.before),
        (dreamsound.Clip(dreams["Drum"].samples, 16_000), judged.after),
    ):
        assert score == pytest.approx(dreamsound.listen(sound, model=judge).of(drums).mean)
    # A model does not judge a dream that climbs it, alone or with another.
    together = Ensemble(yamnet, {"mtt-musicnn": judge})
    text = "class:Drum + 0.5*mtt-musicnn/class:rock"
    assert dreamsound.dream(bird, model=together, objective=text, steps=1).judged is None
    climbed = dreamsound.dream(bird, model=judge, class_="rock", steps=1)
    assert climbed.judged is not None
    assert climbed.judged.model == "msd-musicnn"
    assert dreamsound.dream(bird, model=judge, class_="drums", steps=1).judged is None
