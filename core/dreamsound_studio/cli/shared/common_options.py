"""Options that commands share, whatever they do; see `cli.shared.options` for those of renders.

Nothing heavy is imported here: commands of the queue start without NumPy.
"""

from __future__ import annotations

from typing import Annotated

import typer

from dreamsound_studio.cli.shared.completion import complete_model

#: What can happen where a file exists.
CLASHES = ("refuse", "number", "overwrite", "skip")
SPAN_HELP = (
    "Only a part of the sound: START-END, each as 1:30, 1:02:03.5 or 90s, or left out (90s- is "
    "from 90 s to the end). 1:30 alone runs from 1:30 to the end."
)

TrustOption = Annotated[
    bool,
    typer.Option("--trust", help="Run a third-party SavedModel without asking."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that exist: --clash overwrite.")
]
Clash = Annotated[
    str | None,
    typer.Option(
        "--clash",
        metavar="|".join(CLASHES),
        help="Where a file exists: refuse, number the new one, overwrite it, or skip it "
        "[default: refuse].",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and list the files; write nothing.")
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME|PATH",
        help="auto, a model's name, or a path.",
        autocompletion=complete_model,
    ),
]
