"""``dreamsound reaper doctor``: check that DreamSound can run from REAPER."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_reaper.install.doctor import examine, write_findings
from dreamsound_studio.cli.reaper.common import ResourcePath, tell
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import Json
from dreamsound_studio.cli.shared.progress import inform

app = App()


@app.command()
def doctor(
    resource_path: ResourcePath = None,
    quick: Annotated[bool, typer.Option("--quick", help="Skip the test dream.")] = False,
    json_output: Json = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write the findings as JSON; - is standard output."
        ),
    ] = None,
) -> int:
    """Look check that DreamSound can run from REAPER, and say what to do about it.

    Ends with 0 if nothing fails, 3 if only the model does, 1 otherwise.
    """
    findings = examine(resource_path, quick)
    if out == Path("-"):
        json_output, out = True, None
    if out is not None:
        write_findings(out, findings)
        inform(f"wrote {out}")
    if json_output:
        typer.echo(json.dumps(findings.as_dict(), indent=1, ensure_ascii=False))
    elif out is None:
        tell(findings.lines)
    return findings.exit_code
