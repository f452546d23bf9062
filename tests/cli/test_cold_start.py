"""A command that dreams imports what it needs, while it reads; an error does not wait for that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dreamsound_studio.cli.shared import own_process, reading
from dreamsound_studio.errors import AudioFileError

#: Prints which of some modules a command imported.
IMPORTED = """
import sys
from dreamsound_studio.cli import main
code = main(sys.argv[2:])
print(code, [name for name in sys.argv[1].split(",") if name in sys.modules])
"""
#: What takes long to import, and is not needed to dream.
UNNEEDED = ("keras", "tf_keras", "tensorflow_hub", "matplotlib", "pkg_resources", "scipy.signal")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "noise.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal((16_000, 2))
    soundfile.write(path, noise, 16_000, subtype="FLOAT")
    return path


def ran(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.yamnet
@pytest.mark.parametrize("method", ["add", "sculpt"])
def test_a_render_imports_nothing_that_it_does_not_need(sound: Path, method: str) -> None:
    options = ("--method", method, "--class", "Bird", "--steps", "2", "--model", "yamnet", "-q")
    modules = ",".join((*UNNEEDED, "tensorflow"))
    done = ran("-c", IMPORTED, modules, "render", str(sound), "--judge", "none", *options)
    assert done.stdout == "0 ['tensorflow']\n", done.stderr


@pytest.fixture
def endless_tensorflow(tmp_path: Path) -> str:
    """A path with a TensorFlow whose import does not end."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "tensorflow.py").write_text("import threading; threading.Event().wait()")
    return os.pathsep.join([str(folder), *sys.path])


def test_a_bad_file_does_not_wait_for_tensorflow(tmp_path: Path, endless_tensorflow: str) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not a sound")
    for command_name in ("render", "listen", "vary"):
        grid = ("--grid", "seed=1,2") if command_name == "vary" else ()
        arguments = ("-m", "dreamsound_studio", command_name, str(bad), *grid)
        done = ran(*arguments, PYTHONPATH=endless_tensorflow)
        assert done.returncode == 2
        assert done.stderr.startswith(f"dreamsound: {bad}: not a readable sound file"), done.stderr
        assert done.stderr.count("\n") == 1


def test_a_bad_recipe_does_not_import_it(sound: Path, endless_tensorflow: str) -> None:
    arguments = ("-m", "dreamsound_studio", "render", str(sound), "--strength", "nan")
    done = ran(*arguments, PYTHONPATH=endless_tensorflow)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


@pytest.mark.parametrize("name", ["render", "listen", "units"])
def test_it_is_imported_while_the_sound_is_read(
    sound: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from dreamsound_studio.cli import main

    order: list[str] = []

    def read(path: str, *_: object) -> None:
        order.append("read")
        raise AudioFileError(f"{path}: enough")

    monkeypatch.setattr(own_process, "import_ahead", lambda: order.append("import"))
    monkeypatch.setattr(own_process.process, "is_own", True)
    monkeypatch.setattr(reading, "read_source", read)
    layer = ("--model", "yamnet", "--layer", "layer7") if name == "units" else ()
    assert main([name, str(sound), *layer]) == 2
    assert order == ["import", "read"]
    assert main([name, str(sound), *layer, "--dry-run"]) == 2
    assert order == ["import", "read", "read"], "a dry run dreams nothing"
    sound.write_text("not a sound")
    assert main([name, str(sound), *layer]) == 2
    assert order == ["import", "read", "read"], "it is not imported for what is not a sound"


def test_it_is_not_imported_ahead_in_a_script_that_calls_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(own_process, "import_ahead", lambda: calls.append("import"))
    own_process.process.expect_dream()
    assert calls == []
    monkeypatch.setattr(own_process.process, "is_own", True)
    own_process.process.expect_dream()
    assert calls == ["import"]


@pytest.mark.parametrize(("given", "used"), [("", "1"), ("2", "2")])
def test_the_threads_of_openblas_are_set_before_numpy_is_imported(given: str, used: str) -> None:
    code = f"""
import os, sys
import dreamsound_studio.cli as cli
name = "OPENBLAS_NUM_THREADS"
os.environ[name] = "{given}"
if not os.environ[name]:
    del os.environ[name]
cli.main = lambda: print(os.environ[name], "numpy" in sys.modules)
cli.run()
"""
    done = ran("-c", code)
    assert done.stdout == f"{used} False\n", done.stderr
