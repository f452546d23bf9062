"""Networks of third parties: a tiny plug-in, found by its entry point, from end to end."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dreamsound_studio.cli import main
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models import plugins

PLUGIN = '''
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.names import NameTable

TABLE = NameTable(network="Loudness", class_names=("loud", "soft"), layers={"level": (4,)})


class Loudness(Model):
    """Hears in four frames of 50 ms how loud a sound is."""

    def __init__(self):
        self.name = "loudness"
        self.weights_sha256 = "0" * 64
        self.graphs = {}
        self.sample_rate_hz = 8000
        self.band_hz = (0.0, 4000.0)
        self.patch_frames, self.frame_hop_samples, self.published_hop_frames = 4, 400, 4
        self.patch_samples = 1600
        self.table = TABLE

    def features(self, samples):
        import tensorflow as tf

        frames = tf.reshape(samples[: tf.shape(samples)[0] // 400 * 400], [-1, 400])
        return tf.math.log(tf.reduce_mean(tf.square(frames), axis=1, keepdims=True) + 1e-6)

    def activations(self, patches, taps, precision="float32"):
        import tensorflow as tf

        level = patches[:, :, 0]
        mean = tf.reduce_mean(level, axis=1, keepdims=True) + 5
        logits = tf.concat([mean, -mean], axis=1)
        return {"level": level, "embeddings": level, "logits": logits, "scores": tf.sigmoid(logits)}


class plugin:
    network = "hears how loud a sound is"
    licence = "MIT"
    table = TABLE
    load = Loudness
'''


def install(folder: Path, module: str, content: str) -> None:
    """Write a package with an entry point, as an installer would."""
    (folder / f"{module}.py").write_text(content)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    name = module.replace("_", "-")
    (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\n{name} = {module}:plugin\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare_machine: Path) -> Path:
    """A folder of installed packages, on a machine without models."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    for module in ("loudness", "broken"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    plugins.plugin_of.cache_clear()
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return (code, *capfd.readouterr())

    return call


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    values = 0.02 * np.random.default_rng(1).standard_normal(6000)
    soundfile.write(tmp_path / "soft.wav", values, 8000)
    return tmp_path / "soft.wav"


def test_a_plugin_is_listed_listens_and_dreams(run, site: Path, sound: Path) -> None:  # type: ignore[no-untyped-def]
    install(site, "loudness", PLUGIN)
    code, out, err = run("models", "list", "--json")
    assert code == 0, err
    [row] = [row for row in json.loads(out) if row["name"] == "loudness"]
    assert (row["kind"], row["licence"], row["from"]) == ("plugin", "MIT", "loudness:plugin")
    assert "plug-in loudness:plugin" in run("models", "list")[1]
    assert json.loads(run("models", "info", "loudness", "--json")[1]) == row
    assert run("classes", "--model", "loudness")[1].split() == ["0", "loud", "1", "soft"]
    assert run("layers", "--model", "loudness")[1].split() == ["level", "4"]
    code, out, err = run("listen", sound, "--model", "loudness", "--json")
    assert code == 0, err
    assert json.loads(out)["classes"][0]["name"] == "soft"
    dreamed = ("render", sound, "--out", site.parent / "out", "--model", "loudness", "--json")
    code, out, err = run(*dreamed, "--class", "loud", "--steps", 3)
    assert code == 0, err
    report = json.loads(out)["inputs"][0]
    assert report["model"] == "loudness"
    assert report["final"]["loss"] > report["initial"]["loss"]
    code, out, err = run(*dreamed, "--objective", "channel:level:2", "--steps", 1, "--overwrite")
    assert code == 0, err
    code, _, err = run(*dreamed, "--class", "lound")
    assert (code, "Loudness has no class 'lound'. Did you mean loud" in err) == (2, True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "raise ImportError('no such thing')",
            "Cannot import the plug-in broken (broken:plugin): no such thing",
        ),
        ("plugin = object()", "lacks network, licence, table, load"),
        (
            PLUGIN.replace('self.name = "loudness"', "raise OSError('no weights')"),
            "Cannot load the plug-in broken: no weights",
        ),
    ],
)
def test_a_plugin_that_is_broken_is_one_line(  # type: ignore[no-untyped-def]
    run, site: Path, sound: Path, content: str, words: str
) -> None:
    install(site, "broken", content)
    code, _, err = run("listen", sound, "--model", "broken")
    assert (code, len(err.splitlines())) == (3, 1)
    assert words in err
    assert "plug-in broken" in err


def test_what_is_not_asked_for_is_not_imported(site: Path) -> None:
    install(site, "noisy", "raise SystemExit('imported')")
    script = (
        "import sys; from dreamsound_studio.cli import main; "
        "sys.exit(main(['classes', '--model', 'mtt-vgg']) or main(['--help']))"
    )
    paths = ":".join([str(site), *(path for path in sys.path if path)])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": paths, "PATH": ""},
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("site")
def test_a_plugin_that_is_gone_is_no_model() -> None:
    from dreamsound_studio.models.store.find import find_weights
    from dreamsound_studio.models.store.watch import Watch

    with pytest.raises(ModelError, match="Unknown model 'loudness'"):
        find_weights("loudness", Watch(check=lambda _weights: None))
