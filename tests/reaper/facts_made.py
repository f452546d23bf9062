"""Facts and sounds for tests."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dreamsound_reaper.facts import Facts, facts_from

RATE = 16_000


def tone(
    path: Path, seconds: float, hertz: float = 440.0, rate: int = RATE, channels: int = 1
) -> Path:
    """A trembling tone of 0.2."""
    at = np.arange(round(seconds * rate)) / rate
    tones = 0.2 * np.sin(2 * np.pi * hertz * at + 2 * np.sin(2 * np.pi * 3 * at))
    soundfile.write(path, np.repeat(tones[:, None], channels, 1), rate, "PCM_24")
    return path


def item(path: Path, **more: Any) -> dict[str, Any]:
    """An item that plays a file from its beginning."""
    values = {
        "D_STARTOFFS": more.pop("start_offset_s", 0.0),
        "D_PLAYRATE": more.pop("play_rate", 1.0),
        "B_PPITCH": 1.0,
        "D_PITCH": more.pop("pitch", 0.0),
        "I_PITCHMODE": -1.0,
        "D_VOL": more.pop("take_volume", 1.0),
        "D_PAN": more.pop("pan", 0.0),
        "I_CHANMODE": float(more.pop("channel_mode", 0)),
    }
    name = more.pop("name", path.name)
    take = {
        "guid": f"{{take {name}}}",
        "name": name,
        "values": values,
        "source": {"type": "WAVE", "file": str(path)},
    }
    for key in ("ext", "is_midi", "stretch_markers", "envelopes", "fx"):
        if key in more:
            take[key] = more.pop(key)
    fields = {"guid": f"{{{name}}}", "position_s": 0.0, "length_s": 1.0, "take": take}
    fields["track"] = {"guid": "{track}", "name": "Voice", "number": 1}
    return fields | more


def facts(*items: dict[str, Any], **more: Any) -> Facts:
    """Facts of some items; what belongs to the project or the run is put there."""
    project = {key: more.pop(key) for key in ("path", "record_path") if key in more}
    fields = {"items": list(items), "project": project}
    fields |= {key: more.pop(key) for key in ("action", "target") if key in more}
    return facts_from(fields | {"settings": more})
