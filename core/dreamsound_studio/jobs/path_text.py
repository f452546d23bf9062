"""Paths in requests, also such as are not UTF-8."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from dreamsound_studio.files import readable, unusable_text


def _as_named(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    # A name that is not UTF-8 holds lone surrogates, and pydantic measures no such text.
    if isinstance(value, str) and readable(value) != value and unusable_text(value) is None:
        return value
    return check(value)


def shown_name(value: Any) -> Any:
    """Return the name of a file as any program can show it."""
    return readable(value) if isinstance(value, str) else value


#: A path of one character or more.
PathText = Annotated[str, Field(min_length=1), WrapValidator(_as_named)]
