"""The score in the progress line: of the sound so far, on the grid of the result."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.cli.shared import shown_score
from dreamsound_studio.cli.shared.shown_score import FIRST_SHARE, MOST_SHARE, ShownScore
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.listen import listen
from dreamsound_studio.dream.records import StepEvent
from dreamsound_studio.errors import RenderCancelled
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import RATE, Command, chirp, write_sound

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

#: Whatever the sound passes through between the loop and the ear.
KINDS: list[dict[str, Any]] = [
    {},
    {"wet": 0.5},
    {"channels": "mid-side"},
    {"channels": "independent", "wet": 0.3},
    {"octaves": 2},
]


@pytest.fixture
def stereo(tmp_path: Path) -> Clip:
    return read_clip(write_sound(tmp_path / "stereo.wav", chirp(1.7, channels=2)))


@pytest.fixture
def measures_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_score, "MOST_SHARE", 1e9)


def recipe_of(**fields: Any) -> Recipe:
    return Recipe.make(**({"method": "add", "class_": "Cat", "steps": 3} | fields))


@pytest.mark.parametrize("fields", KINDS)
def test_a_score_is_what_listen_reports_for_the_sound(
    yamnet: YamNet, stereo: Clip, fields: dict[str, Any]
) -> None:
    dreamer = Dreamer(stereo, recipe_of(**fields), yamnet)
    cat = yamnet.class_names.index("Cat")
    for _ in dreamer.steps():
        shown = dreamer.score()
        # As if the dream ended here: the result's sound, listened to.
        sound = Dreamer(stereo, recipe_of(**fields), yamnet, snapshot=dreamer.snapshot()).result()
        heard = listen(Clip(sound.samples, RATE), yamnet)
        assert shown == pytest.approx(heard.of(cat).mean, abs=1e-6)
        assert shown == sound.final.score
    assert dreamer.result().final.score == shown


@pytest.mark.parametrize("fields", KINDS)
def test_scores_change_nothing_in_the_dream(
    yamnet: YamNet, stereo: Clip, fields: dict[str, Any]
) -> None:
    dreams = []
    for measures in (False, True):
        dreamer = Dreamer(stereo, recipe_of(**fields), yamnet)
        for _ in dreamer.steps():
            if measures:
                assert dreamer.score() is not None
        dreams.append(dreamer.result())
    plain, measured = dreams
    length = plain.samples.length
    for name in ("samples", "entering", "gradient"):
        before, after = (getattr(dream, name).read(0, length) for dream in dreams)
        assert before.tobytes() == after.tobytes()
    for one, other in zip(
        [plain.initial, plain.final, *plain.steps],
        [measured.initial, measured.final, *measured.steps],
        strict=True,
    ):
        assert (one.loss, one.score, one.class_index) == (other.loss, other.score, one.class_index)
    assert plain.warnings == measured.warnings
    assert plain.earlier_blocks == measured.earlier_blocks == []


def test_the_result_reuses_the_last_score(
    yamnet: YamNet, stereo: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    dreamer = Dreamer(stereo, recipe_of(), yamnet)
    for _ in dreamer.steps():
        pass
    shown = dreamer.score()
    calls = []
    hear = Ear.hear
    monkeypatch.setattr(Ear, "hear", lambda *given: calls.append(1) or hear(*given))
    assert dreamer.result().final.score == shown
    assert len(calls) == 1  # the source


def test_a_score_of_an_earlier_step_is_not_taken_for_the_result(
    yamnet: YamNet, stereo: Clip
) -> None:
    dreamer = Dreamer(stereo, recipe_of(), yamnet)
    steps = dreamer.steps()
    next(steps)
    first = dreamer.score()
    assert len(list(steps)) == 2
    assert dreamer.result().final.score != first


def test_before_the_first_step_there_is_none(yamnet: YamNet, stereo: Clip) -> None:
    assert Dreamer(stereo, recipe_of(), yamnet).score() is None


def test_finish_leaves_it_out_and_cancel_stops_it(yamnet: YamNet, stereo: Clip) -> None:
    control = Control()
    dreamer = Dreamer(stereo, recipe_of(), yamnet, control=control)
    next(dreamer.steps())
    control.finish()
    assert dreamer.score() is None
    assert dreamer.result().final.score > 0
    control.cancel()
    with pytest.raises(RenderCancelled):
        dreamer.score()


def test_without_memory_for_it_the_dream_goes_on(
    yamnet: YamNet, stereo: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    dreamer = Dreamer(stereo, recipe_of(), yamnet)
    patches = dreamer.recipe.block_patches

    def fail(*_: object) -> None:
        raise MemoryError

    for _ in dreamer.steps():
        with monkeypatch.context() as patch:
            patch.setattr(Ear, "hear", fail)
            assert dreamer.score() is None
    assert dreamer.result().final.score > 0
    assert dreamer.recipe.block_patches == patches


@pytest.mark.usefixtures("measures_each_step", "dream")
@pytest.mark.parametrize("which", ["render", "vary"])
def test_the_last_score_shown_is_that_of_the_result(
    command: Command, which: str, bird: Path, tmp_path: Path
) -> None:
    grid = ("--grid", "seed=3") if which == "vary" else ()
    made = command(which, bird, "--out", tmp_path / "out", "--class", "Cat", "--steps", 3, *grid)
    assert made.code == 0, made.err
    scores = re.findall(r"Cat (\d\.\d{3})", made.err)
    result = re.search(r"Cat (\S+) → (\S+)", made.err)
    assert result is not None
    # Each step, and the score of the source.
    assert len(scores) == 4
    assert scores[2] == result[2]
    assert "~" not in made.err


@pytest.mark.usefixtures("measures_each_step")
def test_a_shown_score_is_what_listen_gives_for_the_kept_sound(
    dream: Command, command: Command, yamnet: YamNet, bird: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    kept = ("--keep-steps", 1, "--level", "raw", "--bits", "32f")
    made = dream(bird, "--out", out, "--class", "Cat", "--steps", 3, *kept)
    shown = re.findall(r"step \d/3, loss \S+, Cat (\d\.\d{3})", made.err)
    cat = yamnet.class_names.index("Cat")
    for step, score in enumerate(shown[:2], 1):
        heard = listen(read_clip(out / f"bird_dream_step{step}.wav"), yamnet)
        assert f"{heard.of(cat).mean:.3f}" == score


def test_quiet_measures_nothing(
    dream: Command, bird: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dreamer, "score", lambda _: pytest.fail("measured"))
    assert dream(bird, "--out", tmp_path / "out", "--quiet").code == 0


@pytest.mark.usefixtures("measures_each_step")
def test_the_renders_are_the_same_bytes_as_without_a_line(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    made = []
    for out, flags in (("a", ()), ("b", ("--quiet",))):
        assert dream(bird, "--out", tmp_path / out, "--steps", 3, *flags).code == 0
        made.append({path.name: path.read_bytes() for path in (tmp_path / out).iterdir()})
    assert made[0] == made[1]


# -- how often -----------------------------------------------------------------------------------


class Clock:
    """Time that passes while scores are measured."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(shown_score, "time", clock)
    return clock


def event_of(step: int, class_index: int = 0) -> StepEvent:
    return StepEvent(step, -1.0, class_index, "Cat", 0.1, seconds=2.0)


@pytest.mark.parametrize("cost_s", [0.01, 0.5, 1.0, 4.0])
def test_scores_take_no_more_than_their_share_of_the_time(clock: Clock, cost_s: float) -> None:
    measured = []

    def score() -> float:
        clock.now_s += cost_s
        measured.append(cost_s)
        return 0.5

    shown = ShownScore()
    for step in range(1, 101):
        shown.after_step(SimpleNamespace(ended=False, score=score), event_of(step))  # type: ignore[arg-type]
        # The first is as long as it is; one that takes longer than expected delays the next.
        unexpected_s = max(0.0, cost_s - FIRST_SHARE * 2.0)
        assert sum(measured[1:]) <= MOST_SHARE * 2.0 * step + unexpected_s
    assert len(measured) > 3
    assert shown.of(event_of(100)) == 0.5


def test_the_last_step_is_always_measured() -> None:
    shown = ShownScore()
    shown.after_step(SimpleNamespace(ended=True, score=lambda: 0.25), event_of(1))  # type: ignore[arg-type]
    assert shown.of(event_of(1)) == 0.25


def test_the_score_of_another_class_is_not_shown() -> None:
    shown = ShownScore()
    shown.after_step(SimpleNamespace(ended=True, score=lambda: 0.25), event_of(1))  # type: ignore[arg-type]
    assert shown.of(event_of(2, class_index=7)) is None
