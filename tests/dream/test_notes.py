"""Notes, chords and melodies: their names, their formula, their times, and what they do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

import dreamsound_studio as dreamsound
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.listening import ChangedMono, DrawnListening, rate_at_speed
from dreamsound_studio.dream.melody import Melody, piano_roll, read_notes
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.notes import OTHERS_WEIGHT, Chord, Note, clarity
from dreamsound_studio.dream.objective import check_names, objective_of
from dreamsound_studio.dream.objective_functions import FRAME_SAMPLES, PATCH_STARTS
from dreamsound_studio.dream.pitches import CHORDS, keys_of_chord, midi_of
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.basic_pitch import tables
from dreamsound_studio.models.basic_pitch.network import BasicPitch
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.recipe.objective_text import parse_objective
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

RATE_HZ = 22_050


def write_midi(path: Path, *notes: tuple[float, float, int], channel: int = 0) -> Path:
    """Write notes (start, stop, MIDI number), at 120 beats a minute, then at 60 after 1 s."""
    ticks = 480
    events: list[tuple[float, Any]] = [
        (0.0, mido.MetaMessage("set_tempo", tempo=500_000)),
        (1.0, mido.MetaMessage("set_tempo", tempo=1_000_000)),
    ]
    for start, stop, key in notes:
        events.append((start, mido.Message("note_on", note=key, velocity=90, channel=channel)))
        # A note may also end by one of no velocity.
        events.append((stop, mido.Message("note_on", note=key, velocity=0, channel=channel)))
    track = mido.MidiTrack()
    before = 0

    def tick(seconds: float) -> int:
        return round(ticks * (2 * min(seconds, 1) + max(seconds - 1, 0)))

    for seconds, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick(seconds) - before))
        before = tick(seconds)
    file = mido.MidiFile(ticks_per_beat=ticks)
    file.tracks.append(track)
    file.save(path)
    return path


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [("A4", 69), ("a0", 21), ("C8", 108), ("C#3", 49), ("Db3", 49), ("Cb4", 59), ("69", 69)],
)
def test_a_note_is_a_key(name: str, key: int) -> None:
    assert midi_of(name) == key
    assert tables.names().class_names[key - 21] == tables.key_name(key)


@pytest.mark.parametrize("name", ["H4", "A", "A9", "G#0", "20", "109", "4A", "A##4"])
def test_what_is_no_note_is_an_error(name: str) -> None:
    with pytest.raises(RecipeError, match=f"{re.escape(name)}.* is not a"):
        midi_of(name)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("A3 C4 E4", "A3 C4 E4"),
        ("E4  A3 C4 A3", "A3 C4 E4"),
        ("Am", "A3 C4 E4"),
        ("C", "C3 E3 G3"),
        ("C7", "C3 E3 G3 A#3"),
        ("Dm/F", "F2 D3 F3 A3"),
        ("Bbmaj7", "A#3 D4 F4 A4"),
        ("F#m7b5", "F#3 A3 C4 E4"),
        ("A4", "A4"),
        ("57 60 64", "A3 C4 E4"),
    ],
)
def test_a_chord_is_notes_or_a_symbol(text: str, notes: str) -> None:
    assert [tables.key_name(key) for key in keys_of_chord(text)] == notes.split()


def test_every_symbol_of_every_root_is_on_a_piano() -> None:
    for kind in CHORDS:
        for root in (*"CDEFGAB", "Bb", "C#"):
            keys = keys_of_chord(f"{root}{kind}/B")
            assert len(keys) == len(CHORDS[kind]) + 1
            assert keys[0] == 47


@pytest.mark.parametrize("text", ["", "H", "Amx", "A3 H4", "am7", "Dm/H", "C7/"])
def test_what_is_no_chord_is_an_error(text: str) -> None:
    with pytest.raises(RecipeError, match=r"chord|not a note"):
        keys_of_chord(text)


@pytest.mark.parametrize(
    "text",
    [
        "note:A4",
        'chord:A3 C4 E4 - 0.5*note:"A4"',
        "chord:Dm/F + class:A4",
        'melody:"my tune.mid" + 0.25*chord:Am',
    ],
)
def test_text_and_objects_are_one(text: str) -> None:
    objective = parse_objective(text)
    assert parse_objective(str(objective)) == objective
    again = sum((weight * atom for weight, atom in objective.terms[1:]), objective.terms[0][1] * 1)
    assert str(again) == str(objective)


@pytest.mark.parametrize(
    ("text", "position"),
    [("class:A4 + note:H4", 16), ("chord: Amx", 7), ("note:", 5), ('chord:""', 6), ("melody:", 7)],
)
def test_an_error_shows_its_place(text: str, position: int) -> None:
    with pytest.raises(RecipeError) as raised:
        parse_objective(text)
    assert str(raised.value).endswith(f"\n  {' ' * position}^")


def test_a_model_without_notes_is_refused() -> None:
    recipe = Recipe.make(objective="note:A4", model="yamnet")
    with pytest.raises(RecipeError, match=r"YAMNet hears no notes\. Pass --model basic-pitch"):
        check_names(recipe, *known_tables("yamnet"))
    check_names(recipe, *known_tables("basic-pitch"))


# -- the formula ----------------------------------------------------------------------------------


def test_the_formula_counts_wanted_and_other_keys() -> None:
    random = np.random.default_rng(1)
    logits = random.standard_normal((2, 5, 88)).astype(np.float32)
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    wanted = np.zeros(88, bool)
    wanted[[36, 39, 43]] = True
    expected = np.log(p[:, :, wanted]).mean(axis=(1, 2))
    expected += OTHERS_WEIGHT * np.log(1 - p[:, :, ~wanted]).mean(axis=(1, 2))
    activations = {tables.NOTE_LOGITS: logits}
    found = Chord("Am").objective(None).values(activations, None)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    # Where nothing is wanted, silence is.
    found = clarity(logits, np.zeros_like(logits))
    np.testing.assert_allclose(found, 0.3 * np.log(1 - p).mean(axis=(1, 2)), rtol=1e-5)


def test_notes_are_heard_at_their_own_speed_unless_asked() -> None:
    def speed(objective: str, **fields: Any) -> float:
        made = Recipe.make(method="sculpt", objective=objective, **fields)
        return Plan.of(made).listen_speed

    assert speed("class:Bird") > 0.1
    assert speed("class:Bird + 0.5*note:A4") == 0
    assert speed("note:A4", listen_speed=0.02) == 0.02
    with pytest.raises(RecipeError, match="octaves: notes"):
        Recipe.make(objective="note:A4", octaves=2)


def test_the_note_is_the_class_that_is_reported(basic_pitch: BasicPitch) -> None:
    for text, key in (
        ("note:A4", 48),
        ("2*chord:Am + layer:note", 36),
        ("chord:Am + class:B4", 50),
    ):
        _, choices = objective_of(Recipe.make(objective=text, model="basic-pitch"), basic_pitch)
        assert [choice.index for choice in choices] == [key]


# -- melodies -------------------------------------------------------------------------------------


def test_a_midi_file_is_read_with_its_tempo(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "t.mid", (0.0, 0.5, 57), (0.5, 2.25, 60), (1.5, 2.0, 64))
    read = sorted((note.start_s, note.stop_s, note.key) for note in read_notes(str(path)))
    np.testing.assert_allclose(read, [(0, 0.5, 57), (0.5, 2.25, 60), (1.5, 2, 64)], atol=0.01)
    roll = piano_roll(read_notes(str(path)))
    assert roll[20, 36] == roll[100, 39] == roll[140, 43] == 1
    assert roll.sum(axis=1)[[20, 100, 140, -1]].tolist() == [1, 1, 2, 0]


@pytest.mark.parametrize("kind", ["missing", "text", "cut", "empty", "percussion", "low"])
def test_what_is_no_melody_is_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "t.mid"
    if kind == "text":
        path.write_text("not a MIDI file at all")
    elif kind == "cut":
        path.write_bytes(write_midi(path, (0, 1, 60)).read_bytes()[:-9])
    elif kind != "missing":
        notes = {"empty": [], "percussion": [(0.0, 1.0, 60)], "low": [(0.0, 1.0, 12)]}[kind]
        write_midi(path, *notes, channel=9 if kind == "percussion" else 0)
    with pytest.raises(RecipeError, match=r"t\.mid: ") as raised:
        read_notes(str(path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 48_000])
def test_a_melody_is_heard_at_its_times(
    basic_pitch: BasicPitch, tmp_path: Path, rate_hz: int
) -> None:
    """Two notes one after the other; a span of the file still meets the second one."""
    time = np.arange(2 * rate_hz) / rate_hz

    def sound(*keys: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        tones = [
            np.sum([np.sin(2 * np.pi * k * hz * time) / k for k in range(1, 6)], axis=0)
            for hz in (440 * 2 ** ((key - 69) / 12) for key in keys)
        ]
        return (0.1 * np.concatenate(tones)[None]).astype(np.float32)

    played = sound(69, 60)
    path = write_midi(tmp_path / "t.mid", (0.0, 2.0, 69), (2.0, 4.0, 60))
    reverse = write_midi(tmp_path / "r.mid", (0.0, 2.0, 60), (2.0, 4.0, 69))

    def loss(clip: Clip, tune: Path, block_patches: int = 32) -> float:
        objective = Melody(str(tune)).objective_in(clip, basic_pitch)
        ear = Ear(basic_pitch, objective, rate_hz, hop_frames=86, block_patches=block_patches)
        return ear.hear(Mono(clip.samples), ear.grid(clip.samples.length, 0.3), (0,)).loss

    whole = Clip.from_array(played, rate_hz)
    assert loss(whole, path) > loss(whole, reverse) + 1
    assert loss(whole, path, block_patches=2) == pytest.approx(loss(whole, path), rel=1e-4)
    second = Clip(Samples.of(played[:, 2 * rate_hz :]), rate_hz, start=2 * rate_hz)
    assert loss(second, path) > loss(second, reverse) + 1
    # The same samples at the start of a file are the first note, which is another.
    assert loss(Clip.from_array(played[:, 2 * rate_hz :], rate_hz), path) < loss(second, path) - 1


@dataclass(frozen=True)
class Times:
    """The times of a patch's start and of its second frame, in samples of the sound."""

    taps: tuple[str, ...] = ()
    reads_class = False
    reads_time = True

    def values(self, activations: dict[str, Any], classes: Any) -> Any:
        del classes
        start = activations[PATCH_STARTS]
        return np.stack([1, 1]) * start[:, None] + np.stack([0, 1]) * activations[FRAME_SAMPLES]


@pytest.mark.yamnet
@pytest.mark.parametrize("speed", [0.88, 1.0, 1.12, 2.0])
def test_times_hold_in_blocks_at_any_speed_and_in_varied_listening(
    yamnet: Model, speed: float
) -> None:
    rate_hz = 48_000
    samples = Samples.of(0.1 * np.ones((1, 3 * rate_hz), np.float32))
    heard_hz = rate_at_speed(rate_hz, speed, yamnet.sample_rate_hz)
    ear = Ear(yamnet, Times(), heard_hz, hop_frames=48, block_patches=4, varied=True)
    grid = ear.grid(samples.length, 0.3)
    assert ear.block_size(grid.count) < grid.count
    signal = ChangedMono(Mono(samples), DrawnListening((0,), window=2, equaliser=(3.0,) * 8))
    found = ear.values(signal, grid)
    starts = (grid.first + grid.hop * np.arange(grid.count)) * heard_hz / yamnet.sample_rate_hz
    frame = yamnet.frame_hop_samples * heard_hz / yamnet.sample_rate_hz
    np.testing.assert_allclose(found[:, 0], starts, rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], starts + frame, rtol=1e-6)


# -- dreams ---------------------------------------------------------------------------------------


def heard(model: BasicPitch, sound: Any, rate_hz: int, key: int) -> float:
    return dreamsound.listen(sound, rate_hz, model=model).of(key - 21).mean


def test_noise_dreams_of_a_note_and_of_nothing_else(basic_pitch: BasicPitch) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 2 * RATE_HZ)).astype(np.float32)
    dream = dreamsound.dream(
        noise,
        RATE_HZ,
        model=basic_pitch,
        method="sculpt",
        objective=Note("A4"),
        gain_grid="binsx64ms",
        steps=12,
        rate_db=3.0,
        listens=1,
    )
    sound = dream.render("dream")
    before, after = (heard(basic_pitch, one, RATE_HZ, 69) for one in (noise, sound))
    assert after > before + 0.15
    assert heard(basic_pitch, sound, RATE_HZ, 70) < before + 0.1
    assert (dream.final.class_name, dream.model_name) == ("A4", "basic-pitch")
    again = dreamsound.dream(noise, RATE_HZ, dream.recipe, model=basic_pitch)
    np.testing.assert_array_equal(again.render("dream"), sound)
