"""Find out how to dream with a SavedModel: its function, rate, window, outputs and classes.

Nothing is decided by the order of names, which says nothing: an output is known by its shape, held
against the tables of classes, and by what it does with sounds (``trial``). What a card or an option
states is taken as stated, and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.savedmodel.functions import Function, functions_of
from dreamsound_studio.models.savedmodel.labels import LabelTable
from dreamsound_studio.models.savedmodel.profiles import Profile, profile_of, stated_rates
from dreamsound_studio.models.savedmodel.trial import (
    MOST_PER_SECOND,
    TriedOutput,
    has_gradient,
    is_squashed,
    quarters,
    takes_batches,
    tried,
    window_of,
)

#: Parts of an output's name that hint at what it is. They decide only between equal shapes.
EMBEDDING_HINTS = ("embed", "feature", "hidden", "latent", "bottleneck", "pool", "repr")
SCORE_HINTS = ("score", "logit", "label", "class", "prob", "pred", "softmax", "sigmoid", "tag")
SPECTRUM_HINTS = ("spec", "mel", "stft", "mfcc", "filterbank", "frontend", "front_end", "waveform")


@dataclass(frozen=True)
class Wishes:
    """What is known of a SavedModel already: from options, or its card.

    Attributes
    ----------
    rate : int or None
        Sample rate, Hz.
    window_s : float or None
        Length of one input, seconds.
    signature : str or None
        Its function.
    output, embeddings : str or None
        The outputs with the scores and with the embeddings: ``output``, or ``function:output``.
    logits : bool or None
        Whether the scores have not passed a sigmoid; None to find out.
    has_classes : bool
        Whether it may have classes.
    """

    rate: int | None = None
    window_s: float | None = None
    signature: str | None = None
    output: str | None = None
    embeddings: str | None = None
    logits: bool | None = None
    has_classes: bool = True


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
        self._tables = tables if wishes.has_classes else ()
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
        scores, labels = self._scores(outputs, rate)
        embeddings = self._embeddings(outputs, scores, rate)
        if scores is None and embeddings is None:
            raise ModelError(self._nothing(outputs))
        first = scores or embeddings
        samples = self._lengths[first.function.name] if first is not None else 0
        self._check_window(first, samples, rate)
        chosen = [one for one in (scores, embeddings) if one is not None]
        return Examined(
            rate=rate,
            samples=samples,
            scores=scores,
            embeddings=embeddings,
            is_logits=scores is not None and self._is_logits(scores),
            labels=labels,
            profile=profile,
            takes_batches=all(
                takes_batches([one for one in chosen if one.function is function], samples)
                for function in {id(one.function): one.function for one in chosen}.values()
            ),
            notes=tuple(self._notes),
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
        self._lengths: dict[str, int] = {}
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
        self._lengths[function.name] = samples
        return bool(good)

    def _distinct(self, outputs: list[TriedOutput]) -> list[TriedOutput]:
        """Return outputs without those that repeat one of a preferred function, but named ones."""
        named = (self._wishes.output, self._wishes.embeddings)
        found: list[TriedOutput] = []
        for one in outputs:
            is_named = one.path in named or one.name in named
            if is_named or not any(_same(one, other) for other in found):
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

    def _check_window(self, first: TriedOutput | None, samples: int, rate: int) -> None:
        wanted = self._wishes.window_s
        fixed = first.function.samples if first is not None else None
        if wanted is None or fixed is None or abs(quarters(wanted * rate) - samples) <= 4:
            return
        raise ModelError(
            f"{self._shown}: {first.function.name if first else ''} takes exactly {samples} "
            f"samples, {samples / rate:g} s at {rate} Hz, not {wanted:g} s. "
            f"{self._remedy('window_s')}"
        )

    def _scores(
        self, outputs: Sequence[TriedOutput], rate: int
    ) -> tuple[TriedOutput | None, LabelTable | None]:
        """Return the output with the scores and the table of its classes."""
        named = self._wishes.output
        if named is not None:
            outputs = self._named(outputs, named, "output")
            if not self._tables:
                raise ModelError(
                    f"{self._shown}: no table names the classes of {outputs[0].form}. "
                    f"{self._remedy('labels')}"
                )
        fits: list[tuple[TriedOutput, LabelTable]] = []
        for one in outputs:
            for table in self._tables:
                fitted = one.with_units(len(table.names))
                if fitted is not None:
                    fits.append((fitted, table))
        if not fits:
            if (self._stated or named is not None) and self._tables:
                raise ModelError(self._no_fit(outputs))
            self._note_no_classes(outputs)
            return None, None
        candidates = list(dict.fromkeys(one.path for one, _ in fits))
        best = {path: next(one for one, _ in fits if one.path == path) for path in candidates}
        chosen = self._choose_scores(list(best.values()), rate, named is not None)
        if chosen is None:
            return None, None
        tables = [table for one, table in fits if one.path == chosen.path]
        # Of several classifiers in one network, each has a table of its name.
        tables.sort(key=lambda table: table.path.stem.lower() != chosen.name.lower())
        self._note_tables(tables, chosen)
        return chosen, tables[0]

    def _choose_scores(
        self, candidates: list[TriedOutput], rate: int, is_named: bool
    ) -> TriedOutput | None:
        if is_named:
            self._check_gradient(candidates[0], "output")
            return candidates[0]
        heard = [one for one in candidates if one.hears]
        clear = [one for one in heard if not self._is_map(one, rate)]
        if not clear:
            forms = ", ".join(one.form for one in candidates)
            why = "changes with time inside a window, as a spectrogram does" if heard else "is deaf"
            text = f"{forms} fits a table of classes, but {why}. {self._remedy('output')}"
            if self._stated:
                raise ModelError(f"{self._shown}: {text}")
            self._notes.append(f"no classes: {text}")
            return None
        ranked = sorted(clear, key=lambda one: (one.rows, _hint(one, SCORE_HINTS)))
        first = ranked[0]
        equal = [
            one
            for one in ranked[1:]
            if (one.rows, _hint(one, SCORE_HINTS)) == (first.rows, _hint(first, SCORE_HINTS))
            and not _same(one, first)
        ]
        pairs = [one for one in equal if is_squashed(one, first) or is_squashed(first, one)]
        if equal and len(pairs) == len(equal):  # scores and their logits: these climb better
            first = next((one for one in (first, *pairs) if not one.is_within_0_to_1), first)
        elif equal:
            first = self._one_of([first, *equal])
        if not self._has_gradient(first):
            raise ModelError(self._flat(first))
        return first

    def _one_of(self, equal: Sequence[TriedOutput]) -> TriedOutput:
        """Return the only one within 0 to 1, or the first of a tuple, or raise."""
        squashed = [one for one in equal if one.is_within_0_to_1]
        if len(squashed) == 1:
            return squashed[0]
        places = [one.name.removeprefix("output_") for one in equal]
        one_function = len({one.function.name for one in equal}) == 1
        if one_function and all(place.isdecimal() for place in places):
            first = min(equal, key=lambda one: int(one.name.removeprefix("output_")))
            others = ", ".join(one.form for one in equal if one is not first)
            self._notes.append(
                f"{first.form} comes before {others}, which fits too (--output chooses)"
            )
            return first
        forms = ", ".join(f"{one.path} {one.form.partition(' ')[2]}" for one in equal)
        raise ModelError(
            f"{self._shown}: several outputs can be the scores: {forms}. {self._remedy('output')}"
        )

    def _embeddings(
        self, outputs: Sequence[TriedOutput], scores: TriedOutput | None, rate: int
    ) -> TriedOutput | None:
        """Return the output with the embeddings, if there is one."""
        named = self._wishes.embeddings
        if named is not None:
            chosen = self._named(outputs, named, "embeddings")[0]
            self._check_gradient(chosen, "embeddings")
            return chosen
        window = None if scores is None else self._lengths[scores.function.name]
        candidates = [
            one
            for one in outputs
            if one.hears
            and one.units > 1
            and window in (None, self._lengths[one.function.name])
            and (scores is None or not self._is_twin(one, scores))
            and not (scores is not None and self._is_map(one, rate))
        ]

        def rank(one: TriedOutput) -> tuple[Any, ...]:
            is_spectrum = _hint(one, SPECTRUM_HINTS) == 0
            is_foreign = scores is not None and one.function is not scores.function
            is_class = _hint(one, SCORE_HINTS) == 0
            hints = _hint(one, EMBEDDING_HINTS), is_class
            return (is_spectrum, self._is_map(one, rate), *hints, one.rows, is_foreign, -one.units)

        ranked = sorted(candidates, key=rank)
        if scores is not None:
            ranked = [one for one in ranked if not rank(one)[0]]
        for one in ranked:
            if not self._has_gradient(one):
                continue
            others = [
                other.form
                for other in ranked
                if other is not one and not _same(other, one) and other.function is one.function
            ]
            if others:
                self._notes.append(
                    f"embeddings from {one.form}; there is also {', '.join(others)} "
                    "(--embeddings chooses)"
                )
            return one
        return None

    def _is_twin(self, one: TriedOutput, scores: TriedOutput) -> bool:
        """Return whether an output is the scores again, squashed or not."""
        return _same(one, scores) or is_squashed(one, scores) or is_squashed(scores, one)

    def _is_map(self, one: TriedOutput, rate: int) -> bool:
        """Return whether an output is a map over time, rather than a few vectors a window."""
        seconds = self._lengths[one.function.name] / rate
        return one.rows > max(2.0, MOST_PER_SECOND * seconds)

    def _named(self, outputs: Sequence[TriedOutput], path: str, option: str) -> list[TriedOutput]:
        function, _, name = path.rpartition(":")
        signature = function or self._wishes.signature
        found = [
            one
            for one in outputs
            if one.name == name and signature in (None, "", one.function.name)
        ]
        if not found and not function:  # the output of another function, which is not named
            found = [one for one in outputs if one.name == name]
        if not found:
            raise ModelError(
                f"{self._shown}: no output {path} (available: {self._forms(outputs)}). "
                f"{self._remedy(option)}"
            )
        return found[:1]  # of the preferred function, where several have an output of this name

    def _is_logits(self, scores: TriedOutput) -> bool:
        if self._wishes.logits is not None:
            if not self._wishes.logits and not scores.is_within_0_to_1:
                raise ModelError(
                    f"{self._shown}: {scores.name} is outside 0 to 1. {self._remedy('logits')}"
                )
            return self._wishes.logits
        return not scores.is_within_0_to_1

    def _has_gradient(self, output: TriedOutput) -> bool:
        return has_gradient(output, self._lengths[output.function.name])

    def _check_gradient(self, output: TriedOutput, option: str) -> None:
        if not self._has_gradient(output):
            raise ModelError(f"{self._flat(output)}. {self._remedy(option)}")

    def _flat(self, output: TriedOutput) -> str:
        return (
            f"{self._shown}: no gradient from {output.name} to the waveform; the model can "
            "listen, not dream"
        )

    def _forms(self, outputs: Sequence[TriedOutput]) -> str:
        functions = {one.function.name for one in outputs}
        forms = [
            one.form if len(functions) == 1 else f"{one.function.name}:{one.form}"
            for one in outputs
        ]
        return ", ".join(forms) or "none"

    def _no_fit(self, outputs: Sequence[TriedOutput]) -> str:
        table = self._tables[0]
        count = len(table.names)
        there = f"{outputs[0].units} scores" if len(outputs) == 1 else "no output that fits"
        return (
            f"{self._shown}: {there}, but its table {table.path.name} names {count} classes "
            f"(outputs: {self._forms(outputs)}). {self._remedy('labels')}"
        )

    def _nothing(self, outputs: Sequence[TriedOutput]) -> str:
        flat = [one for one in outputs if one.hears]
        if flat:
            return self._flat(flat[0])
        return (
            f"{self._shown}: its outputs do not depend on the sound ({self._forms(outputs)}). "
            f"{self._remedy('signature')}"
        )

    def _note_no_classes(self, outputs: Sequence[TriedOutput]) -> None:
        if not self._tables:
            self._notes.append("no table of classes: it hears, and has no classes (--labels)")
            return
        sizes = ", ".join(
            dict.fromkeys(f"{one.path.name} {len(one.names)}" for one in self._tables)
        )
        self._notes.append(
            f"no classes: no output ({self._forms(outputs)}) has as many values as a table has "
            f"names ({sizes}); --labels names another table, --output the scores"
        )

    def _note_tables(self, tables: Sequence[LabelTable], scores: TriedOutput) -> None:
        first, *others = dict.fromkeys(table.path.name for table in tables)
        fit = "fit" if len(others) > 1 else "fits"
        also = f"; {', '.join(others)} {fit} too (--labels chooses)" if others else ""
        self._notes.append(f"{len(tables[0].names)} classes of {scores.name} from {first}{also}")


def _hint(output: TriedOutput, hints: Sequence[str]) -> int:
    """Return 0 for a name that hints at one kind, 2 at another, 1 at none."""
    name = output.name.lower()
    if any(hint in name for hint in hints):
        return 0
    others = {EMBEDDING_HINTS, SCORE_HINTS, SPECTRUM_HINTS} - {tuple(hints)}
    return 2 if any(hint in name for kind in others for hint in kind) else 1


def _same(one: TriedOutput, other: TriedOutput) -> bool:
    """Return whether two outputs, of two functions for instance, are the same."""
    if one.path == other.path:
        return True
    same_shape = one.values.size == other.values.size
    largest = float(abs(one.values).max(initial=0.0))
    return same_shape and bool(
        (abs(one.values.ravel() - other.values.ravel()) <= 1e-4 * largest).all()
    )
