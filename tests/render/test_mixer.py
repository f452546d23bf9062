"""Levels, lengths and nulls of the renders of hand-made dreams."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
import soxr

from dreamsound_studio.audio.formats import Bits, FileFormat
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.levels import true_peak
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.jobs.redo import options_of_note
from dreamsound_studio.render.level_notes import is_level_note
from dreamsound_studio.render.mixer import filter_render
from dreamsound_studio.render.note import RenderNote, read_note
from dreamsound_studio.render.options import RENDER_NAMES
from dreamsound_studio.render.write import write_renders

from .conftest import (
    CONTAINERS,
    RATE,
    WITHOUT_FILTER,
    dreamed,
    files,
    noise,
    options,
    rms_db,
    source_clip,
    stored,
    tone,
)

# -- source + difference = dream ------------------------------------------------------------------


@pytest.mark.parametrize(("file_format", "bits"), CONTAINERS)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("source_bits", ["16", "24", "32f"])
def test_source_plus_difference_is_the_dream(
    tmp_path: Path, file_format: FileFormat, bits: Bits, channels: int, source_bits: Bits
) -> None:
    clip = source_clip(tmp_path, noise(channels, 9000), source_bits)
    dream = dreamed(clip, clip.samples.array() + noise(channels, 9000, 0.05, seed=1))
    written = write_renders(dream, tmp_path, options(format=file_format, bits=bits))
    total = stored(tmp_path / "song.wav") + stored(written.paths["difference"])
    one_bit = 2.0**-23 if bits == "32f" else 2.0 ** (1 - int(bits))
    assert np.max(np.abs(total - stored(written.paths["dream"]))) <= one_bit
    assert np.max(np.abs(stored(written.paths["difference"]))) > 1000 * one_bit


def test_they_null_with_a_source_over_full_scale_too(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, tone(440, 1.4), "32f")
    dream = dreamed(clip, clip.samples.array() + noise(level=0.05))
    written = write_renders(dream, tmp_path, options(bits="24"))
    total = stored(tmp_path / "song.wav") + stored(written.paths["difference"])
    assert np.max(np.abs(total - stored(written.paths["dream"]))) <= 2.0**-23


@pytest.mark.parametrize(("file_format", "ending"), [("wav", "wav"), ("flac", "wav")])
def test_a_difference_over_full_scale_is_written_as_float(
    tmp_path: Path, file_format: FileFormat, ending: str
) -> None:
    clip = source_clip(tmp_path, tone(440, 0.8))
    written = write_renders(
        dreamed(clip, -clip.samples.array()), tmp_path, options(format=file_format)
    )
    path = written.paths["difference"]
    assert path == tmp_path / f"song_difference.{ending}"
    assert soundfile.info(path).subtype == "FLOAT"
    assert np.max(np.abs(stored(path))) == pytest.approx(1.6, rel=1e-4)
    assert any("difference peaks at 1.60 of full scale" in note for note in written.notes)
    np.testing.assert_allclose(
        stored(tmp_path / "song.wav") + stored(path),
        stored(written.paths["dream"]),
        rtol=0,
        atol=2.0**-23,
    )


def test_a_float_difference_does_not_replace_a_file_either(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, tone(440, 0.8))
    (tmp_path / "song_difference.wav").write_text("mine")
    with pytest.raises(AudioFileError, match=r"song_difference\.wav: already exists"):
        write_renders(dreamed(clip, -clip.samples.array()), tmp_path, options(format="flac"))
    assert files(tmp_path) == {"song.wav", "song_difference.wav"}
    assert (tmp_path / "song_difference.wav").read_text() == "mine"


# -- lengths and levels ---------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 100, 70_001])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_every_render_is_as_long_as_the_source(tmp_path: Path, length: int, channels: int) -> None:
    clip = source_clip(tmp_path, noise(channels, length))
    dream = dreamed(clip, clip.samples.array() * np.float32(1.5))
    written = write_renders(dream, tmp_path, options())
    assert set(written.paths) == set(WITHOUT_FILTER)
    for path in written.paths.values():
        assert stored(path).shape == (channels, length)


def test_the_dream_is_the_loops_sound_times_one_number(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise(2))
    sound = noise(2, level=0.4, seed=2)
    sound[:, :RATE] *= 0.1
    written = write_renders(dreamed(clip, sound), tmp_path, options("dream", bits="32f"))
    gain = 10 ** (written.gain_db / 20)
    np.testing.assert_allclose(stored(written.paths["dream"]), sound * gain, rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("change", [0.05, 6.0])
def test_the_dream_is_as_loud_as_the_source(tmp_path: Path, channels: int, change: float) -> None:
    clip = source_clip(tmp_path, noise(channels, level=0.05))
    sound = noise(channels, level=0.05 * change, seed=2)
    sound[:, RATE:] *= 0.5
    written = write_renders(dreamed(clip, sound), tmp_path, options("dream"))
    assert written.notes == []
    meter = pyloudnorm.Meter(RATE)
    wanted = meter.integrated_loudness(clip.samples.array().T)
    heard = meter.integrated_loudness(stored(written.paths["dream"]).T)
    # pyloudnorm's filters differ at 16 kHz (see levels.k_weighting): both are off by the same.
    assert heard == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize(
    ("length", "level"), [(RATE // 5, 0.1), (2 * RATE, 1e-5)], ids=["short", "soft"]
)
def test_what_has_no_loudness_is_matched_by_rms(tmp_path: Path, length: int, level: float) -> None:
    clip = source_clip(tmp_path, noise(1, length, level), "32f")
    sound = noise(1, length, 8 * level, seed=2)
    written = write_renders(dreamed(clip, sound), tmp_path, options("dream"))
    assert rms_db(stored(written.paths["dream"])) == pytest.approx(
        rms_db(clip.samples.array()), abs=0.01
    )


def test_a_dream_under_the_gates_of_loudness_is_matched_by_rms(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise(level=0.1))
    sound = noise(level=1e-6, seed=2)
    written = write_renders(dreamed(clip, sound), tmp_path, options("dream"))
    assert rms_db(stored(written.paths["dream"])) == pytest.approx(-20, abs=0.2)


def test_the_true_peak_stays_under_the_ceiling_and_that_is_said(tmp_path: Path) -> None:
    # A quarter of the rate, an eighth of a turn off: the peaks lie between samples, 3 dB up.
    # Faded, because what rings over a hard end depends on the resampler.
    fade = np.float32(np.minimum(1, 8 * np.hanning(2 * RATE)))
    clip = source_clip(tmp_path, fade * tone(RATE / 4, 0.99))
    sound = fade * tone(RATE / 4, 2.0, phase=np.pi / 4)
    gradient = np.zeros((1, 2 * RATE), np.float32)
    gradient[0, ::4000] = 1
    written = write_renders(dreamed(clip, sound, gradient), tmp_path, options(limit="off"))
    for name in ("dream", "gradient"):
        values = stored(written.paths[name])
        ours = true_peak([values.astype(np.float32)], RATE, 1)
        between = soxr.resample(np.pad(values[0], 500), RATE, 4 * RATE, "VHQ")
        theirs = max(np.max(np.abs(values)), np.max(np.abs(between)))
        for peak in (ours, theirs):
            assert 20 * np.log10(peak) == pytest.approx(-1, abs=0.02)
        assert written.softer_db[name] > 0.5
    (note,) = written.notes
    assert is_level_note(note)
    assert re.match(
        r"softer than the source to keep true peaks under -1 dBTP: dream \d\.\d dB, gradient \d",
        note,
    )
    assert written.limited_db == {}
    # Lowered, not limited: still a pure tone.
    expected = sound[0] * 10 ** (written.gain_db / 20)
    np.testing.assert_allclose(stored(written.paths["dream"])[0], expected, atol=2.0**-23)


@pytest.mark.parametrize(
    ("level", "gain_db"), [(1.0, -20.0), (0.01, 20.0), (1e-4, 40.0)], ids=["down", "up", "limit"]
)
def test_the_gradient_is_levelled_to_the_source_by_at_most_40_db(
    tmp_path: Path, level: float, gain_db: float
) -> None:
    # One gradient for both channels, as loud as they are together.
    clip = source_clip(tmp_path, np.repeat(noise(level=0.1), 2, axis=0))
    gradient = noise(level=level, seed=0)
    dream = dreamed(clip, clip.samples.array(), gradient)
    written = write_renders(dream, tmp_path, options("gradient"))
    values = stored(written.paths["gradient"])
    np.testing.assert_allclose(values, np.repeat(gradient, 2, 0) * 10 ** (gain_db / 20), atol=1e-5)


def test_raw_writes_the_loops_own_values(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise(2))
    sound, gradient = noise(2, level=3.0, seed=2), noise(1, level=9.0, seed=3)
    written = write_renders(
        dreamed(clip, sound, gradient), tmp_path, options(level="raw", bits="32f")
    )
    assert (written.gain_db, written.notes) == (0.0, [])
    assert np.array_equal(stored(written.paths["dream"]), sound)
    assert np.array_equal(stored(written.paths["gradient"]), np.repeat(gradient, 2, axis=0))
    source = clip.samples.array()
    assert np.array_equal(stored(written.paths["difference"]), sound - source)


def test_the_same_dream_gives_the_same_bytes(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise(2))
    dream = dreamed(clip, noise(2, seed=4))
    first = write_renders(dream, tmp_path / "a", options(bits="32f"))
    again = write_renders(dream, tmp_path / "b", options(bits="32f"))
    for name, path in first.paths.items():
        assert path.read_bytes() == again.paths[name].read_bytes()


def test_kept_steps_are_written_beside_the_renders(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise())
    dream = dreamed(clip, noise(seed=1))
    dream.kept = {2: Samples.of(noise(seed=2)), 4: Samples.of(noise(seed=3))}
    written = write_renders(dream, tmp_path, options("dream"), stem="other")
    assert files(tmp_path) == {
        "song.wav",
        "other_dream.wav",
        "other_dream_step2.wav",
        "other_dream_step4.wav",
    }
    kept = stored(written.paths["dream_step4"])
    assert np.corrcoef(kept[0], noise(seed=3)[0])[0, 1] == pytest.approx(1, abs=1e-6)


# -- the renders that need the filter (TensorFlow) ------------------------------------------------


def test_with_add_the_filter_is_the_gradients_over_the_source(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise(2))
    # A threshold under everything lets all pass: what is left to see is that nothing else happens.
    dream = dreamed(clip, 2 * clip.samples.array(), threshold_db=-200, knee_db=0)
    np.testing.assert_allclose(
        filter_render(dream, "filtered").array(), clip.samples.array(), atol=1e-5
    )
    written = write_renders(dream, tmp_path, options(*RENDER_NAMES, bits="32f"))
    assert list(written.paths) == list(RENDER_NAMES)
    # `filtered` takes the dream's gain, here a half; the hardcut is levelled by itself.
    np.testing.assert_allclose(
        stored(written.paths["filtered"]), clip.samples.array() / 2, atol=1e-4
    )
    meter = pyloudnorm.Meter(RATE)
    heard = [
        meter.integrated_loudness(values.T)
        for values in (clip.samples.array(), stored(written.paths["hardcut"]))
    ]
    assert heard[0] == pytest.approx(heard[1], abs=0.1)


def test_what_a_step_adds_is_rendered_as_it_was_added(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise())
    gradient = tone(1000, 1.0)
    dream = dreamed(
        clip,
        clip.samples.array(),
        gradient,
        method="filter-add",
        threshold_db=-200,
        knee_db=0,
    )
    # Away from the ends, where the tone's beginning is a click that reaches above the band.
    inside = slice(4000, -4000)
    np.testing.assert_allclose(
        filter_render(dream, "filtered").array()[:, inside],
        dream.scale * gradient[:, inside],
        atol=1e-3,
    )


def test_the_hardcut_has_unit_magnitude_where_the_mask_is_open_and_none_elsewhere(
    tmp_path: Path,
) -> None:
    # The gradient is a tone: it opens the mask around 1 kHz, whatever the source does there.
    clip = source_clip(tmp_path, noise(level=1e-3))
    dream = dreamed(clip, clip.samples.array(), tone(1000, 1.0), threshold_db=-20, knee_db=0)
    hardcut = filter_render(dream, "hardcut").array()[0]
    power = np.abs(np.fft.rfft(hardcut * np.hanning(len(hardcut)))) ** 2
    hz = np.fft.rfftfreq(len(hardcut), 1 / RATE)
    near = np.abs(hz - 1000) < 50
    assert power[near].sum() > 0.99 * power.sum()


# -- what a learned filter sharpened ---------------------------------------------------------------


def sharpened(seconds: float = 3.0) -> np.ndarray:
    """Return noise in bursts, whose peaks are far above its level."""
    sound = 0.15 * noise(1, round(seconds * RATE), 1.0)
    for start in range(RATE // 10, sound.shape[1], RATE // 4):
        sound[:, start : start + RATE // 100] *= 4
    return sound.astype(np.float32)


def softer_than_source(folder: Path, sound: np.ndarray) -> float:
    """Return by how much a render is softer than the source, LU, by another meter."""
    meter = pyloudnorm.Meter(RATE)
    wanted = meter.integrated_loudness(stored(folder / "song.wav")[0])
    return float(wanted - meter.integrated_loudness(sound[0]))


@pytest.mark.parametrize(
    ("learns", "limit", "softer_db", "limited_db"),
    [(True, "on", 0, 12), (False, "on", 3, 6), (True, "off", 9, None), (False, "off", 9, None)],
)
def test_peaks_are_limited_so_that_a_dream_is_as_loud_as_the_source(
    tmp_path: Path, learns: bool, limit: str, softer_db: float, limited_db: float | None
) -> None:
    clip = source_clip(tmp_path, noise(1, 3 * RATE, 0.2))
    dream = dreamed(clip, sharpened())
    # Only whether there is a filter counts: neither of these renders makes it audible.
    dream.learned = object() if learns else None  # type: ignore[assignment]
    written = write_renders(dream, tmp_path, options("dream", "difference", limit=limit))
    sound = stored(written.paths["dream"])
    assert true_peak([sound.astype(np.float32)], RATE, 1) <= 10 ** (-0.95 / 20)
    softer = softer_than_source(tmp_path, sound)
    assert softer == pytest.approx(softer_db, abs=2)
    assert written.softer_db["dream"] == pytest.approx(softer, abs=0.1)
    found = written.limited_db.get("dream")
    if limited_db is None:
        assert found is None
    else:
        assert found == pytest.approx(limited_db, abs=1 if learns else 0.01)
    assert [note for note in written.notes if is_level_note(note)] == (
        [f"softer than the source to keep true peaks under -1 dBTP: dream {softer:.1f} dB"]
        if softer >= 0.5
        else []
    )
    total = stored(tmp_path / "song.wav") + stored(written.paths["difference"])
    assert np.max(np.abs(total - sound)) <= 2.0**-22


def test_few_peaks_cost_no_loudness(tmp_path: Path) -> None:
    """Without the limiter, one click sets the level of a whole dream."""
    clip = source_clip(tmp_path, noise(2, 3 * RATE, 0.1))
    sound = clip.samples.array().copy()
    sound[:, RATE] = 1.6
    softer = {}
    for limit in ("on", "off"):
        chosen = options("dream", limit=limit, overwrite=True)
        written = write_renders(dreamed(clip, sound), tmp_path, chosen)
        softer[limit] = softer_than_source(tmp_path, stored(written.paths["dream"]))
        assert bool(written.notes) == (limit == "off")
    assert abs(softer["on"]) < 0.3
    assert softer["off"] > 3


def test_kept_steps_are_limited_at_the_dreams_gain(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise(1, 3 * RATE, 0.2))
    dream = dreamed(clip, clip.samples.array())
    loud = clip.samples.array().copy()
    loud[:, RATE] = 1.5
    dream.kept[3] = Samples.of(loud)
    written = write_renders(dream, tmp_path, options("dream"))
    step = stored(written.paths["dream_step3"])
    assert true_peak([step.astype(np.float32)], RATE, 1) <= 10 ** (-0.95 / 20)
    assert written.limited_db["dream_step3"] > 3
    np.testing.assert_allclose(step[:, : RATE // 2], loud[:, : RATE // 2], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("limit", ["on", "off"])
def test_a_render_s_note_says_how_its_peaks_were_treated(tmp_path: Path, limit: str) -> None:
    clip = source_clip(tmp_path, noise(1, RATE, 0.1))
    written = write_renders(
        dreamed(clip, clip.samples.array()), tmp_path, options("dream", limit=limit)
    )
    note = read_note(written.paths["dream"])
    assert note.get("limit", "on") == limit
    assert options_of_note(RenderNote(**note), written.paths["dream"]).limit == limit
