"""What dev.py says, and the codes it ends with."""

from pathlib import Path

EXIT_USAGE, EXIT_NO_PYTHON, EXIT_NO_ENVIRONMENT, EXIT_INTERRUPTED = 2, 10, 11, 130


class Stop(Exception):
    """Ends dev.py with one line and an exit code."""

    def __init__(self, exit_code, line):
        super().__init__(line)
        self.exit_code = exit_code


def say(line):
    """Print a line at once, before the output of the next tool."""
    print(line, flush=True)


def shown(path):
    """Return the path relative to the current folder, if it is below it."""
    try:
        return str(Path(path).absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
