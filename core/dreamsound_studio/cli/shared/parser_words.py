"""What to say about words of a command line that the parser does not take, in plain words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from dreamsound_studio.wrong_values import advice

#: The parser's messages from which something has to be read.
UNEXPECTED = re.compile(r"unexpected extra argument\S* \((.*)\)$")
#: How alike two names are of which one is a misspelling of the other, 0..1.
LIKE = 0.7
QUOTE = "'"
NOT_ONE_OF = re.compile(r"('.*') is not one of ('.*')\.")


def plain(error: Any) -> str:
    """Return what is wrong with a command line, and what to do.

    Parameters
    ----------
    error : typer's UsageError
        The parser's; its classes are known by their names, which are public in each version.
    """
    kind = type(error).__name__
    if kind == "MissingParameter" and error.param is not None:
        return f"no {_name_of(error.param)}: {_help_of(error)}"
    if kind == "NoSuchOption":
        near = _nearest(error.option_name, error.possibilities or ())
        hint = f"did you mean {near[0]}?" if near else _help_of(error)
        return f"unknown option {error.option_name}: {hint}"
    if kind == "BadOptionUsage" and "requires an argument" in error.message:
        return f"{error.option_name} has no value: pass one after it"
    if kind == "BadOptionUsage" and "does not take a value" in error.message:
        return f"{error.option_name} takes no value: pass it alone"
    if kind == "BadParameter" and error.param is not None:
        return f"{_name_of(error.param)}: {_wrong_value(error)}"
    if unexpected := UNEXPECTED.search(error.message):
        return f"unexpected {unexpected[1]}: {_help_of(error)}"
    return str(error.format_message())


def _nearest(name: str, options: Iterable[str]) -> list[str]:
    """Return the option that a name begins, or misspells; the dashes make none alike."""
    names = {option.lstrip("-"): option for option in sorted(options, key=len)}
    name = name.lstrip("-")
    begun = [one for one in names if one.startswith(name)]
    near = begun or difflib.get_close_matches(name, names, 1, LIKE)
    return [names[one] for one in near]


def _wrong_value(error: Any) -> str:
    """Return what to use instead of a value, and the value."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return str(error.message)
    problem = cause.errors()[0]
    if choice := NOT_ONE_OF.search(problem["msg"]):
        return f"use one of {choice[2].replace(QUOTE, '')}, not {choice[1]}"
    return f"{advice(problem)}, not {problem['input']!r}"


def _name_of(param: Any) -> str:
    """Return an option's long name, or an argument's name, as the help has them."""
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper()).strip("[]").removesuffix("...")
    return str(max(param.opts, key=len))


def _help_of(error: Any) -> str:
    """Return where to read on."""
    path = "dreamsound" if error.ctx is None else error.ctx.command_path
    return f"see {path} --help"
