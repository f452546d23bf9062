"""Make api_facts.json of the facts about ReaScript: ``make_api_facts.py reascript_api.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
#: What newer functions, known from the help alone, call their kinds.
PLAIN = {"Int": "int", "String": "str_const", "Boolean": "bool", "ReaProject": "ptr:ReaProject*"}
OUT = {"Int": "out_int", "String": "str_buffer", "Boolean": "out_bool"}
RETURNS = {"Boolean": "int(bool)", "Float": "float", "Int": "int"}
#: Kinds that even the help does not give.
UNTOLD = {
    "RPR_GetTouchedOrFocusedFX": ["int"] + ["out_int"] * 5,
    "RPR_MIDIEditorFlagsForTrack": ["ptr:MediaTrack*", "out_int", "out_int", "bool"],
}
#: The one function whose tuple does not hold every argument.
SPECIAL = "RPR_GetAudioAccessorSamples"


def compact(facts: dict[str, Any]) -> dict[str, Any]:
    """Return name -> arguments as ``name:kind``, what C returns, and the layout in Python."""
    table = {}
    for name, fact in sorted(facts.items()):
        if name == "_meta":
            continue
        kinds = UNTOLD.get(name) or [
            (OUT if "Out" in argument else PLAIN).get(kind, kind)
            for argument, kind in zip(fact["args"], fact["arg_kinds"], strict=True)
        ]
        returns, layout = fact["returns"], fact["returns_kind"]
        if layout == "tuple":
            names = [field for field, _ in fact["returns_layout"]]
            returns = "none"
            if names[0] == "retval":
                returns = fact["returns_layout"][0][1]
            echoed = names[1:] if returns != "none" else names
            if name != SPECIAL and echoed != fact["args"]:
                raise SystemExit(f"{name}: a layout of its own: {names}")
            layout = names
        elif layout == "none":
            returns = "none"
        table[name.removeprefix("RPR_")] = {
            "args": [
                f"{argument}:{kind}" for argument, kind in zip(fact["args"], kinds, strict=True)
            ],
            "returns": RETURNS.get(returns, returns),
            "layout": layout,
        }
    return table


def main(source: str) -> None:
    """Write the table beside this file, a line for each function."""
    table = compact(json.loads(Path(source).read_text(encoding="utf-8")))
    lines = [f"{json.dumps(name)}: {json.dumps(fact)}" for name, fact in table.items()]
    target = HERE / "api_facts.json"
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
