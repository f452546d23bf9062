"""``dreamsound reaper doctor``: whether all that a dream in REAPER needs is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_reaper.install.doctor import examine, write_findings
from dreamsound_studio.cli.reaper.common import Debug, ResourcePath, tell

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    resource_path: ResourcePath = None,
    quick: Annotated[bool, typer.Option("--quick", help="Do not dream for a second.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the findings there, as JSON.")
    ] = None,
    debug: Debug = False,
) -> int:
    """Look whether all that a dream in REAPER needs is there, and say what to do about it.

    Ends with 0 if nothing fails, 3 if only the model does, 1 otherwise.
    """
    del debug
    findings = examine(resource_path, quick)
    if out is not None:
        write_findings(out, findings)
    if json_output:
        typer.echo(json.dumps(findings.as_dict(), indent=1, ensure_ascii=False))
    elif out is None:
        tell(findings.lines)
    return findings.exit_code
