"""Stands in for the engine, for tests of what the scripts do: submit, doctor.

What it does is in ``how.json`` beside the folder of runs: ``state``, ``summary``, ``renders``,
``wait`` (until a file of this name is in the run), ``silent``, ``doctor`` (its lines).
"""

import json
import math
import struct
import sys
import time
import wave
from pathlib import Path


def sound(path):
    """Write a short tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        tone = (int(9_000 * math.sin(at / 9)) for at in range(32_000))
        file.writeframes(b"".join(struct.pack("<h", value) for value in tone))


def write(path, document):
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(document), encoding="utf-8")
    partial.replace(path)


def submit(run, words):
    how = {}
    if (run.parent / "how.json").is_file():
        how = json.loads((run.parent / "how.json").read_text())
    (run / "started").write_text(" ".join(words))
    if how.get("silent"):
        print("the engine has a bad day", flush=True)
        return
    facts = json.loads((run / "facts.json").read_text(encoding="utf-8"))
    beat = 0
    while how.get("wait") and not (run / how["wait"]).exists():
        beat += 1
        write(run / "status.json", {"schema_version": 1, "state": "running", "share": 0.5,
                                    "text": "step 1/2", "beat": beat})  # fmt: skip
        if (run / "cancel").exists():
            how |= {"state": "cancelled"}
            break
        time.sleep(0.02)
    state = how.get("state", "done")
    items, tracks = [], []
    for place, item in enumerate(facts["items"]):
        if item["take"] is None or item["take"]["is_midi"] or item["guid"] == facts["target"]:
            continue
        takes = []
        for render in how.get("renders", ["dream", "gradient", "hardcut"]):
            file = run / "renders of it" / f"{place} é {render}.wav"
            sound(file)
            values = dict(item["take"]["values"], D_STARTOFFS=0.5)
            takes.append({
                "file": str(file), "render": render, "name": f"{item['take']['name']} - {render}",
                "is_active": render == "dream", "values": values, "colour": [1, 2, 3],
                "ext": json.dumps({"render": render}), "stretch_markers": [[0.0, 0.5, 0.25]],
                "take_markers": item["take"]["take_markers"],
            })  # fmt: skip
        entry = {"item": item["guid"], "take": item["take"]["guid"], "label": item["take"]["name"],
                 "seen": {name: item["take"]["values"][name]
                          for name in ("D_STARTOFFS", "D_PLAYRATE")}, "takes": takes}  # fmt: skip
        if facts["settings"].get("placement", "takes") == "takes":
            items.append(entry)
        else:
            entry["values"] = {"D_POSITION": 2.0, "D_LENGTH": 1.0, "B_LOOPSRC": 0.0}
            tracks.append({"after": item["track"]["guid"], "name": "dreams", "items": [entry]})
    if state != "done":
        items, tracks = [], []
    write(run / "result.json", {
        "schema_version": 1, "state": state, "undo": f"DreamSound: dream {len(items)}",
        "items": items, "tracks": tracks, "summary": how.get("summary", []),
        "settings": {"preset": "Turn to bells", "recipe": {"steps": 3}},
    })  # fmt: skip
    write(run / "status.json", {"schema_version": 1, "state": state, "share": 1.0, "text": "",
                                "beat": beat + 1})  # fmt: skip


def main(words):
    if words[0] == "submit":
        submit(Path(words[1]), words)
    elif words[:2] == ["reaper", "doctor"]:
        out = Path(words[words.index("--out") + 1])
        settings = out.parent / "how.json"
        how = json.loads(settings.read_text("utf-8")) if settings.is_file() else {}
        write(out, {"lines": how.get("doctor", ["ok    all is well", " ".join(words[2:4])])})


main(sys.argv[1:])
