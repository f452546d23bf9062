"""The demo whistles, dreams, draws and reports."""

from __future__ import annotations

import json
from pathlib import Path

import dev
import pytest
from devtools.messages import Stop


def rendered(folder: Path, **changes) -> str:
    moment = {"class": "Whistling", "score": 0.7, "loss": 1.0}
    result = {
        "model": "yamnet",
        "steps": [moment | {"score": 0.1}, moment],
        "initial": moment,
        "final": {"class": "Owl", "score": 0.96, "loss": 2.0},
        "renders": {"dream": str(folder / "whistle_dream.wav")},
    }
    return json.dumps({"inputs": [result | changes]})


def test_demo_whistles_dreams_draws_and_reports(house, capsys):
    house.printed = rendered(house.folder / "dreamsound-demo")
    assert dev.main(["demo", "--steps", "3"]) == 0
    whistle, _, render, draw = house.commands[-4:]
    sound = str(Path("dreamsound-demo") / "whistle.wav")
    assert whistle[1:4] == ["-m", "dreamsound_studio.demo_sound", sound]
    assert render[1:] == [
        *("render", sound, "--out", "dreamsound-demo", "--renders", "all", "--json"),
        *("--overwrite", "--method", "add", "--steps", "3"),
    ]
    dream = str(house.folder / "dreamsound-demo" / "whistle_dream.wav")
    assert draw[1:] == [
        *("plot", dream, "--source", sound, "--out", "dreamsound-demo", "--overwrite"),
    ]
    printed = capsys.readouterr().out
    assert "Whistling 0.700" in printed
    assert "Owl 0.960" in printed
    assert str(Path("dreamsound-demo") / "whistle_dream.wav") in printed  # seen from here
    assert str(Path("dreamsound-demo") / "whistle_dream.wav.png") in printed


def test_demo_dreams_its_whistle_toward_a_siren_where_the_network_knows_one(house):
    house.printed = rendered(house.folder)
    house.heard = '{"classes": [{"name": "Whistling"}, {"name": "Siren"}]}'
    assert dev.main(["demo"]) == 0
    assert house.commands[-2][-2:] == ["--class", "Siren"]
    for own in (["--layer", "layer7"], ["--class=Bird"], ["--paper"]):
        assert dev.main(["demo", *own]) == 0
        assert "Siren" not in house.commands[-2]
    for heard in ("", "{}", "oh"):
        house.heard = heard
        assert dev.main(["demo"]) == 0
        assert house.commands[-2][-2:] == ["--method", "add"]


def test_demo_dreams_a_file_into_a_folder(house):
    house.printed = rendered(house.folder, initial={"class": None, "loss": 0.5})
    (house.folder / "cat.wav").touch()
    assert dev.main(["demo", "--out=there", "cat.wav", "--layer", "layer7"]) == 0
    assert house.did("dreamsound_studio.demo_sound") == 0
    assert house.commands[-2][1:5] == ["render", "cat.wav", "--out", "there"]
    assert house.commands[-2][-2:] == ["--layer", "layer7"]
    assert house.commands[-1][1] == "plot"


@pytest.mark.parametrize(
    "word",
    ["dreamsound_studio.demo_sound", "render", "plot"],
)
def test_demo_passes_on_the_exit_code_of_the_step_that_fails(house, word):
    house.printed = rendered(house.folder)
    house.codes[word] = 3
    assert dev.main(["demo"]) == 3
    assert word in house.commands[-1]


def test_demo_draws_no_picture_without_the_dream(house, capsys):
    house.printed = rendered(house.folder, renders={"gradient": "whistle_gradient.wav"})
    assert dev.main(["demo", "--renders", "gradient"]) == 0
    assert house.did("plot") == 0
    assert "picture" not in capsys.readouterr().out


@pytest.mark.parametrize("printed", ["", "{}", '{"inputs": []}', "oh"])
def test_demo_says_so_when_render_prints_no_result(house, printed):
    house.printed = printed
    with pytest.raises(Stop, match="no usable result"):
        dev.main(["demo"])
