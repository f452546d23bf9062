"""Find out how to dream with a SavedModel: its function, rate, window, outputs and classes.

Nothing is decided by the order of names, which says nothing. What a card or an option states is
taken as stated, and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.savedmodel.choice import Choice
from dreamsound_studio.models.savedmodel.functions import Function, functions_of
from dreamsound_studio.models.savedmodel.labels import LabelTable
from dreamsound_studio.models.savedmodel.profiles import Profile, profile_of, stated_rates
from dreamsound_studio.models.savedmodel.trial import (
    TriedOutput,
    quarters,
    takes_batches,
    tried,
    window_of,
)
from dreamsound_studio.models.savedmodel.wishes import Wishes


@dataclass(frozen=True)
class Examined:
    """How to dream with a SavedModel.

    Attributes
    ----------
    rate : int
        Sample rate, Hz.
    samples : int
        Length of one input.
    scores, embeddings : TriedOutput or None
        At least one of them.
    is_logits : bool
        Whether the scores have not passed a sigmoid.
    labels : LabelTable or None
        The table of the classes.
    profile : Profile or None
        The published network that it is.
    takes_batches : bool
        Whether its functions take several windows at once.
    notes : tuple of str
        What was chosen, from where, and the option that chooses otherwise, a line each.
    """

    rate: int
    samples: int
    scores: TriedOutput | None
    embeddings: TriedOutput | None
    is_logits: bool
    labels: LabelTable | None
    profile: Profile | None
    takes_batches: bool
    notes: tuple[str, ...]

    @property
    def first(self) -> TriedOutput:
        """Return the scores, or the embeddings of a network without classes."""
        found = self.scores or self.embeddings
        if found is None:
            raise ModelError("neither scores nor embeddings")
        return found


def examine_saved_model(
    loaded: Any,
    folder: Path,
    wishes: Wishes,
    tables: Sequence[LabelTable],
    tables_are_stated: bool,
    remedy: Callable[[str], str],
    shown: str | None = None,
) -> Examined:
    """Find out how to dream with a SavedModel.

    Parameters
    ----------
    loaded : object
        The SavedModel, loaded.
    folder : pathlib.Path
        Its folder.
    wishes : Wishes
        What is known already.
    tables : sequence of LabelTable
        Tables that may name its classes, best first.
    tables_are_stated : bool
        Whether these are what the user named: then one of them has to fit.
    remedy : callable
        Returns what to do to state one of ``signature``, ``output``, ``embeddings``, ``logits``,
        ``rate``, ``window_s`` and ``labels``.

    shown : str, optional
        What messages call the folder; its path by default.

    Returns
    -------
    Examined

    Raises
    ------
    ModelError
        It cannot be dreamed with, or what it is cannot be found out; the message names the remedy.
    """
    shown = str(folder) if shown is None else shown
    return _Examination(loaded, folder, wishes, tables, tables_are_stated, remedy, shown).found()


class _Examination:
    """One examination; its parts in the order in which they are found."""

    def __init__(
        self,
        loaded: Any,
        folder: Path,
        wishes: Wishes,
        tables: Sequence[LabelTable],
        tables_are_stated: bool,
        remedy: Callable[[str], str],
        shown: str,
    ) -> None:
        self._loaded, self._folder, self._wishes = loaded, folder, wishes
        self._tables = tables
        self._stated = tables_are_stated
        self._remedy, self._shown = remedy, shown
        self._notes: list[str] = []

    def found(self) -> Examined:
        functions = self._functions()
        outputs: list[TriedOutput] = []
        problems: list[str] = []
        for function in functions:
            if function.samples is not None:
                self._try(function, function.samples, outputs, problems)
        profile = profile_of(functions, {one.name for one in outputs}, self._folder)
        if profile is not None and self._wishes.output is None and self._wishes.signature is None:
            self._follow(profile, {one.path for one in outputs})
        rate = self._rate(functions, profile)
        for function in functions:
            if function.samples is None:
                for samples in window_of(function, rate, self._wishes.window_s):
                    if self._try(function, samples, outputs, problems):
                        break
        if not outputs:
            why = problems[0] if problems else "no outputs of floating point"
            raise ModelError(f"{self._shown}: {why}. {self._remedy('window_s')}")
        outputs = self._distinct(outputs)
        choice = Choice(
            outputs, self._wishes, self._tables, self._stated, self._remedy, self._shown, rate
        )
        scores, labels = choice.scores()
        embeddings = choice.embeddings(scores)
        first = scores or embeddings
        if first is None:
            raise ModelError(choice.nothing())
        self._check_window(first, rate)
        chosen = [one for one in (scores, embeddings) if one is not None]
        return Examined(
            rate=rate,
            samples=first.samples,
            scores=scores,
            embeddings=embeddings,
            is_logits=scores is not None and choice.is_logits(scores),
            labels=labels,
            profile=profile,
            takes_batches=all(
                takes_batches([one for one in chosen if one.function is function])
                for function in {id(one.function): one.function for one in chosen}.values()
            ),
            notes=(*self._notes, *choice.notes),
        )

    def _functions(self) -> list[Function]:
        functions, problems = functions_of(self._loaded)
        if not functions:
            why = "; ".join(problems) or "it has none that is called"
            raise ModelError(f"{self._shown}: no function hears a waveform: {why}")
        wanted = self._wishes.signature
        named = {
            path.partition(":")[0]
            for path in (self._wishes.output, self._wishes.embeddings)
            if path is not None and ":" in path
        } | ({wanted} if wanted else set())
        names = [function.name for function in functions]
        for name in sorted(named.difference(names)):
            raise ModelError(
                f"{self._shown}: no signature {name} that hears a waveform (available: "
                f"{', '.join(names)}). {self._remedy('signature')}"
            )
        if wanted is not None:
            functions = [function for function in functions if function.name in named]
        return functions

    def _try(
        self, function: Function, samples: int, outputs: list[TriedOutput], problems: list[str]
    ) -> bool:
        """Try a function at a length; return whether it gave numbers."""
        found, problem = tried(function, samples)
        good = [one for one in found if one.is_finite]
        if problem is not None:
            problems.append(f"does not accept a waveform of {samples} samples: {problem}")
        elif not good:
            problems.append(f"has no numbers for a waveform of {samples} samples")
        outputs += good
        return bool(good)

    def _distinct(self, outputs: list[TriedOutput]) -> list[TriedOutput]:
        """Return outputs without those that repeat one of a preferred function, but named ones."""
        named = (self._wishes.output, self._wishes.embeddings)
        found: list[TriedOutput] = []
        for one in outputs:
            is_named = one.path in named or one.name in named
            if is_named or not any(one.is_same(other) for other in found):
                found.append(one)
        return found

    def _follow(self, profile: Profile, paths: Collection[str]) -> None:
        """Take over what is known of a published network."""
        self._notes.append(f"this is {profile.name} ({profile.licence})")
        wishes = self._wishes
        logits = profile.is_logits if wishes.logits is None else wishes.logits
        # Its classes are named only if a table is there.
        output = profile.output if self._tables and profile.output in paths else None
        embeddings = profile.embeddings if profile.embeddings in paths else None
        embeddings = wishes.embeddings or embeddings
        self._wishes = replace(wishes, output=output, embeddings=embeddings, logits=logits)
        if profile.labels is not None and not self._stated:
            preferred = [one for one in self._tables if one.path.name == profile.labels]
            others = [one for one in self._tables if one.path.name != profile.labels]
            self._tables = [*preferred, *others]

    def _rate(self, functions: Sequence[Function], profile: Profile | None) -> int:
        if self._wishes.rate is not None:
            return self._wishes.rate
        stated = stated_rates(self._folder, self._loaded)
        if len(stated) == 1:
            ((rate, at),) = stated.items()
            self._notes.append(f"sample rate {rate} Hz from {at} (--rate)")
            return rate
        if profile is not None:
            return profile.sample_rate_hz
        lengths = {function.samples for function in functions}
        (length, *more) = lengths
        if self._wishes.window_s is not None and length is not None and not more:
            return round(length / self._wishes.window_s)
        several = ", ".join(f"{rate} in {at}" for rate, at in stated.items())
        takes = "" if length is None or more else f"; it hears {length} samples at a time"
        raise ModelError(
            f"{self._shown}: unknown sample rate{f' ({several})' if several else ''}{takes}. "
            f"{self._remedy('rate')}"
        )

    def _check_window(self, first: TriedOutput, rate: int) -> None:
        wanted, fixed = self._wishes.window_s, first.function.samples
        if wanted is None or fixed is None or abs(quarters(wanted * rate) - first.samples) <= 4:
            return
        raise ModelError(
            f"{self._shown}: {first.function.name} takes exactly {first.samples} samples, "
            f"{first.samples / rate:g} s at {rate} Hz, not {wanted:g} s. "
            f"{self._remedy('window_s')}"
        )
