"""What to say about the values that fields do not take, instead of pydantic's own words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

#: Characters of an invalid value shown in messages.
MOST_SHOWN = 80
#: Values in recipes of earlier versions. They are read, but nothing offers them.
RETIRED = frozenset({"bfloat16"})
#: What to do, by pydantic's type of the error; the braces take what its context holds.
USE = {
    "greater_than_equal": "use {ge:.12g} or more",
    "greater_than": "use more than {gt:.12g}",
    "less_than_equal": "use {le:.12g} or less",
    "less_than": "use less than {lt:.12g}",
    "int_type": "use a whole number",
    "int_parsing": "use a whole number",
    "int_parsing_size": "use a smaller number",
    "int_from_float": "use a whole number",
    "float_type": "use a number",
    "float_parsing": "use a number",
    "finite_number": "use a finite number",
    "bool_type": "use true or false",
    "bool_parsing": "use true or false",
    "string_type": "use text",
}


def offered(values: Iterable[str]) -> tuple[str, ...]:
    """Return the values of a choice without those that only earlier recipes have."""
    return tuple(value for value in values if value not in RETIRED)


def one_line(error: ValidationError, kind: type[BaseModel]) -> str:
    """Return the validation errors of a model of type `kind`, in one line."""
    import difflib

    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            known = [field.alias or key for key, field in kind.model_fields.items()]
            near = difflib.get_close_matches(name, known, 1)
            message = "unknown field" + (f"; did you mean {near[0]}?" if near else "")
        elif name:
            message = f"{advice(problem)}, not {_shown(problem['input'])}"
        lines.append(f"{name}: {message}" if name else message)
    return " ".join("; ".join(lines).split())


def advice(problem: Mapping[str, Any]) -> str:
    """Return what to use instead of a wrong value, or pydantic's message for a rare error.

    Parameters
    ----------
    problem : mapping
        One of ``ValidationError.errors()``.
    """
    context = problem.get("ctx", {})
    if problem["type"] == "literal_error":
        # pydantic lists them as 'a', 'b' or 'c'
        every = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        values = offered(every)
        return f"use {'one of ' * (len(values) > 1)}{', '.join(values)}"
    if _is_nan(problem["input"]):
        # It fails every comparison: the one that pydantic names says nothing.
        return "use a number"
    if problem["type"] in USE:
        return USE[problem["type"]].format(**context)
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}"


def _is_nan(value: Any) -> bool:
    try:
        return math.isnan(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."
