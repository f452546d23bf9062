"""The demo: a sound is dreamed, and the change shown in numbers and in a picture."""

import json
from pathlib import Path

from devtools import processes
from devtools.environment import make_environment, run_tool
from devtools.messages import EXIT_USAGE, Stop, say, shown
from devtools.pythons import program_in

DEMO_FOLDER = "dreamsound-demo"
#: What the demo's own whistle is dreamed toward, if the network has such a class.
DEMO_CLASS = "Siren"
#: As many classes as any network has that comes with the project's catalog.
EVERY_CLASS = "521"
#: Options that say what to dream, or how; with one of them, the demo adds no class.
AIMS = (
    *("--class", "--objective", "--layer", "--target", "--preset", "--recipe"),
    *("--paper", "--method"),
)


def demo(arguments):
    """Dream a sound, and show the change in numbers and in a picture."""
    source, out, options = split_demo_arguments(arguments)
    if source is not None and not source.is_file():
        raise Stop(EXIT_USAGE, f"no such file: {source}")
    venv = make_environment()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(EXIT_USAGE, f"cannot create the folder {out}: {error.strerror}") from error

    if source is None:
        source = out / "whistle.wav"
        say("demo: whistling a phrase (to dream your own sound: python3 dev.py demo FILE)")
        code = run_tool(venv, "-m", "dreamsound_studio.demo_sound", str(source), "--overwrite")
        if code:
            return code
        options = [*aim(venv, source, options), *options]

    say(f"demo: dreaming {shown(source)}")
    words = ["render", str(source), "--out", str(out), "--renders", "all", "--json"]
    code, printed = dreamsound(venv, *words, "--overwrite", *options)
    if code:
        return code
    lines, files = read_result(printed)
    if "dream" in files:
        say("demo: drawing before and after")
        words = ["plot", files["dream"], "--source", str(source), "--out", str(out)]
        code, _ = dreamsound(venv, *words, "--overwrite")
        if code:
            return code
        files["picture"] = out / f"{Path(files['dream']).name}.png"
    for line in lines:
        say(line)
    for name, path in files.items():
        say(f"  {name:<11} {shown(path)}")
    return 0


def dreamsound(venv, *words):
    """Run the environment's command line; return its exit code and its output."""
    return processes.run([program_in(venv, "dreamsound"), *words], capture=True)


def aim(venv, source, options):
    """Return the options that dream a sound toward `DEMO_CLASS`.

    A network without that class is not YAMNet, and takes minutes for 150 steps: it takes ten of
    `add` toward the class that it hears most.
    """
    if any(word.partition("=")[0] in AIMS for word in options):
        return []
    code, printed = dreamsound(venv, "listen", str(source), "--top", EVERY_CLASS, "--json")
    try:
        names = [heard["name"] for heard in json.loads(printed)["classes"]] if code == 0 else []
    except (ValueError, KeyError, TypeError):
        names = []
    return ["--class", DEMO_CLASS] if DEMO_CLASS in names else ["--method", "add"]


def read_result(printed):
    """Return the lines to show, and the files by name, from render's JSON."""
    try:
        dreamed = json.loads(printed)["inputs"][0]
        return demo_lines(dreamed), dict(dreamed["renders"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Stop(1, f"`dreamsound render --json` printed no usable result: {error!r}") from error


def split_demo_arguments(arguments):
    """Return the file (or None), the output folder, and the options for `dreamsound render`."""
    options, out = [], DEMO_FOLDER
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name != "--out":
            options.append(word)
            continue
        out = value if equals else next(words, "")
        if not out:
            raise Stop(EXIT_USAGE, "--out needs a folder")
    source = None
    if options and not options[0].startswith("-"):
        source = Path(options.pop(0))
    return source, Path(out), options


def demo_lines(dreamed):
    """Return what the model heard before the first step and after the last, from render's JSON."""
    before, after = dreamed["initial"], dreamed["final"]
    count = len(dreamed["steps"])

    def heard(moment):
        if heard_a_class(moment):
            return f"{moment['class']} {moment['score']:.3f}"
        return f"loss {moment['loss']:.4g}"

    return [
        f"before:         {heard(before)}",
        f"after {count:2} steps: {heard(after)}    (model: {dreamed['model']})",
    ]


def heard_a_class(moment):
    """Whether a class and its score are known: the objective of a layer has neither."""
    return moment.get("class") is not None and moment.get("score") is not None
