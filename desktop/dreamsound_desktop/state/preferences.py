"""The user's preferences, in one file, and the app's data folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.audio.formats import FileFormat
from dreamsound_studio.audio.intake.foreign import FFMPEG_VARIABLE
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.files import write_atomic
from dreamsound_studio.models.store.local import MODELS_VARIABLE
from dreamsound_studio.paths import data_folder
from dreamsound_studio.recipe.document import read_json
from dreamsound_studio.recipe.naming import DEFAULT_TEMPLATE
from dreamsound_studio.render.options import DEFAULT_RENDERS, RenderName

#: Environment variable that overrides the app's data folder (not its cache).
FOLDER_VARIABLE = "DREAMSOUND_STUDIO"
FftSize = Literal[512, 1024, 2048, 4096, 8192]
MOST_RECENT_PRESETS = 5
FFT_SIZES: tuple[int, ...] = get_args(FftSize)


def app_folder() -> Path:
    """Return the folder of preferences, session and documents."""
    named = os.environ.get(FOLDER_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    return data_folder() / "studio"


class Preferences(BaseModel):
    """The user's preferences.

    Attributes
    ----------
    render_folder : str
        Folder for renders; empty means ``dreams`` beside each source.
    ffmpeg : str
        The program that decodes what libsndfile does not read; empty means the one on the path.
    favourites, recent_presets : tuple of str
        Names of presets shown first; recent ones latest first.
    """

    model_config = ConfigDict(extra="ignore")

    version: int = 1
    theme: Literal["system", "light", "dark"] = "system"
    output_device: str = ""
    models_folder: str = ""
    ffmpeg: str = ""
    cache_limit_mb: Annotated[int, Field(ge=0, le=1_000_000)] = 2048
    render_folder: str = ""
    name: str = DEFAULT_TEMPLATE
    format: FileFormat = "wav"
    bits: Literal["16", "24", "32f"] | None = None
    renders: tuple[RenderName, ...] = DEFAULT_RENDERS
    preview_seconds: Annotated[float, Field(ge=0.5, le=60)] = 2.0
    preview_plays: bool = True
    level_match: bool = True
    sound_at_end: bool = False
    colour_map: str = "magma"
    scale: Literal["linear", "log", "mel"] = "log"
    fft_size: FftSize = 2048
    range_db: tuple[float, float] = (-100.0, -10.0)
    shortcuts: dict[str, str] = Field(default_factory=dict)
    volume_db: Annotated[float, Field(ge=-60, le=0)] = -6.0
    seen_welcome: bool = False
    favourites: tuple[str, ...] = ()
    recent_presets: tuple[str, ...] = ()

    def render_folder_of(self, source: Path) -> Path:
        """Return the render folder of a sound."""
        if self.render_folder:
            return Path(self.render_folder).expanduser()
        return source.parent / "dreams"

    def with_used(self, preset: str) -> Preferences:
        """Return preferences with `preset` as the most recent one."""
        others = (name for name in self.recent_presets if name != preset)
        recent = (preset, *others)[:MOST_RECENT_PRESETS]
        return self.model_copy(update={"recent_presets": recent})

    def apply_places(self) -> None:
        """Set the preferred models folder and ffmpeg for this process and its children."""
        if self.ffmpeg:
            os.environ[FFMPEG_VARIABLE] = self.ffmpeg
        if not self.models_folder:
            return
        known = os.environ.get(MODELS_VARIABLE, "")
        folders = [folder for folder in known.split(os.pathsep) if folder]
        if self.models_folder not in folders:
            os.environ[MODELS_VARIABLE] = os.pathsep.join([self.models_folder, *folders])


def read_preferences(folder: Path) -> tuple[Preferences, str]:
    """Return the preferences, and a warning if they could not be read completely."""
    path = folder / "preferences.json"
    if not path.exists():
        return Preferences(), ""
    try:
        return Preferences.model_validate(read_json(path)), ""
    except DreamSoundError as error:
        return Preferences(), str(error)
    except ValidationError:
        return _what_can_be(path)


def save_preferences(preferences: Preferences, folder: Path) -> None:
    """Write the preferences; raises `AudioFileError` on failure."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(preferences.model_dump(mode="json"), indent=1)
    write_atomic(folder / "preferences.json", text)


def _what_can_be(path: Path) -> tuple[Preferences, str]:
    """Return the valid entries of a file that has invalid ones."""
    entries = read_json(path)
    kept: dict[str, object] = {}
    unknown = []
    for name, value in (entries if isinstance(entries, dict) else {}).items():
        try:
            Preferences.model_validate({name: value})
            kept[str(name)] = value
        except ValidationError:
            unknown.append(str(name))
    return (
        Preferences.model_validate(kept),
        f"{path}: invalid {', '.join(unknown)}; reset to default",
    )
