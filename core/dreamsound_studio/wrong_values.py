"""What to say about a value that a field does not take, instead of pydantic's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        values = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return f"use one of {values}" if ", " in values else f"use {values}"
    if problem["type"] in USE:
        return USE[problem["type"]].format(**context)
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}"
