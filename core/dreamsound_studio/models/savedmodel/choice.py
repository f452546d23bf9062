"""Choose a SavedModel's scores and embeddings among its outputs, and the table of its classes.

An output is known by its shape, held against the tables, and by what it does with sounds
(``trial``); its name decides only between equal ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.savedmodel.labels import LabelTable
from dreamsound_studio.models.savedmodel.trial import TriedOutput, has_gradient, is_squashed
from dreamsound_studio.models.savedmodel.wishes import Wishes

#: Parts of an output's name that hint at what it is. They decide only between equal shapes.
EMBEDDING_HINTS = ("embed", "feature", "hidden", "latent", "bottleneck", "pool", "repr")
SCORE_HINTS = ("score", "logit", "label", "class", "prob", "pred", "softmax", "sigmoid", "tag")
SPECTRUM_HINTS = ("spec", "mel", "stft", "mfcc", "filterbank", "frontend", "front_end", "waveform")


class Choice:
    """The choice among the outputs of a SavedModel.

    Parameters
    ----------
    outputs : sequence of TriedOutput
        Its outputs, those of preferred functions first.
    wishes : Wishes
        What is stated.
    tables : sequence of LabelTable
        Tables that may name its classes, best first.
    tables_are_stated : bool
        Whether one of them has to fit.
    remedy : callable
        As in `examine.examine_saved_model`.
    shown : str
        What messages call the SavedModel.
    rate : int
        Its sample rate, Hz.

    Attributes
    ----------
    notes : list of str
        What was chosen, and the option that chooses otherwise, a line each.
    """

    def __init__(
        self,
        outputs: Sequence[TriedOutput],
        wishes: Wishes,
        tables: Sequence[LabelTable],
        tables_are_stated: bool,
        remedy: Callable[[str], str],
        shown: str,
        rate: int,
    ) -> None:
        self._outputs, self._wishes = outputs, wishes
        self._tables, self._stated = tables, tables_are_stated
        self._remedy, self._shown, self._rate = remedy, shown, rate
        self.notes: list[str] = []

    def scores(self) -> tuple[TriedOutput | None, LabelTable | None]:
        """Return the output with the scores and the table of its classes.

        Raises
        ------
        ModelError
            They are stated, and not there; or several may be them.
        """
        outputs, named = self._outputs, self._wishes.output
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
        chosen = self._choose_scores(list(best.values()), named is not None)
        if chosen is None:
            return None, None
        tables = [table for one, table in fits if one.path == chosen.path]
        # Of several classifiers in one network, each has a table of its name.
        tables.sort(key=lambda table: table.path.stem.lower() != chosen.name.lower())
        self._note_tables(tables, chosen)
        return chosen, tables[0]

    def _choose_scores(self, candidates: list[TriedOutput], is_named: bool) -> TriedOutput | None:
        if is_named:
            self._check_gradient(candidates[0], "output")
            return candidates[0]
        heard = [one for one in candidates if one.hears]
        clear = [one for one in heard if not one.is_map(self._rate)]
        if not clear:
            forms = ", ".join(one.form for one in candidates)
            why = "changes with time inside a window, as a spectrogram does" if heard else "is deaf"
            text = f"{forms} fits a table of classes, but {why}. {self._remedy('output')}"
            if self._stated:
                raise ModelError(f"{self._shown}: {text}")
            self.notes.append(f"no classes: {text}")
            return None
        ranked = sorted(clear, key=lambda one: (one.rows, _hint(one, SCORE_HINTS)))
        first = ranked[0]
        equal = [
            one
            for one in ranked[1:]
            if (one.rows, _hint(one, SCORE_HINTS)) == (first.rows, _hint(first, SCORE_HINTS))
            and not one.is_same(first)
        ]
        pairs = [one for one in equal if is_squashed(one, first) or is_squashed(first, one)]
        if equal and len(pairs) == len(equal):  # scores and their logits: these climb better
            first = next((one for one in (first, *pairs) if not one.is_within_0_to_1), first)
        elif equal:
            first = self._one_of([first, *equal])
        if not has_gradient(first):
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
            self.notes.append(
                f"{first.form} comes before {others}, which fits too (--output chooses)"
            )
            return first
        forms = ", ".join(f"{one.path} {one.form.partition(' ')[2]}" for one in equal)
        raise ModelError(
            f"{self._shown}: several outputs can be the scores: {forms}. {self._remedy('output')}"
        )

    def embeddings(self, scores: TriedOutput | None) -> TriedOutput | None:
        """Return the output with the embeddings, if there is one beside the scores.

        Raises
        ------
        ModelError
            They are stated, and not there.
        """
        outputs, named = self._outputs, self._wishes.embeddings
        if named is not None:
            chosen = self._named(outputs, named, "embeddings")[0]
            self._check_gradient(chosen, "embeddings")
            return chosen
        candidates = [
            one
            for one in outputs
            if one.hears
            and one.units > 1
            and (scores is None or one.samples == scores.samples)
            and (scores is None or not self._is_twin(one, scores))
            and not (scores is not None and one.is_map(self._rate))
        ]

        def rank(one: TriedOutput) -> tuple[Any, ...]:
            is_spectrum = _hint(one, SPECTRUM_HINTS) == 0
            is_foreign = scores is not None and one.function is not scores.function
            is_class = _hint(one, SCORE_HINTS) == 0
            hints = _hint(one, EMBEDDING_HINTS), is_class
            return (is_spectrum, one.is_map(self._rate), *hints, one.rows, is_foreign, -one.units)

        ranked = sorted(candidates, key=rank)
        if scores is not None:
            ranked = [one for one in ranked if not rank(one)[0]]
        for one in ranked:
            if not has_gradient(one):
                continue
            others = [
                other.form
                for other in ranked
                if other is not one and not other.is_same(one) and other.function is one.function
            ]
            if others:
                self.notes.append(
                    f"embeddings from {one.form}; there is also {', '.join(others)} "
                    "(--embeddings chooses)"
                )
            return one
        return None

    def _is_twin(self, one: TriedOutput, scores: TriedOutput) -> bool:
        """Return whether an output is the scores again, squashed or not."""
        return one.is_same(scores) or is_squashed(one, scores) or is_squashed(scores, one)

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

    def is_logits(self, scores: TriedOutput) -> bool:
        """Return whether the scores have not passed a sigmoid.

        Raises
        ------
        ModelError
            They are stated to have, and cannot.
        """
        if self._wishes.logits is not None:
            if not self._wishes.logits and not scores.is_within_0_to_1:
                raise ModelError(
                    f"{self._shown}: {scores.name} is outside 0 to 1. {self._remedy('logits')}"
                )
            return self._wishes.logits
        return not scores.is_within_0_to_1

    def _check_gradient(self, output: TriedOutput, option: str) -> None:
        if not has_gradient(output):
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

    def nothing(self) -> str:
        """Return why there are neither scores nor embeddings."""
        flat = [one for one in self._outputs if one.hears]
        if flat:
            return self._flat(flat[0])
        forms = self._forms(self._outputs)
        return (
            f"{self._shown}: its outputs do not depend on the sound ({forms}). "
            f"{self._remedy('signature')}"
        )

    def _note_no_classes(self, outputs: Sequence[TriedOutput]) -> None:
        if not self._tables:
            self.notes.append("no table of classes: it hears, and has no classes (--labels)")
            return
        counts: dict[str, list[str]] = {}
        for one in self._tables:
            counts.setdefault(one.path.name, []).append(str(len(one.names)))
        sizes = ", ".join(f"{name} {' or '.join(count)}" for name, count in counts.items())
        self.notes.append(
            f"no classes: no output ({self._forms(outputs)}) has as many values as a table has "
            f"names ({sizes}); --labels names another table, --output the scores"
        )

    def _note_tables(self, tables: Sequence[LabelTable], scores: TriedOutput) -> None:
        first, *others = dict.fromkeys(table.path.name for table in tables)
        fit = "fit" if len(others) > 1 else "fits"
        also = f"; {', '.join(others)} {fit} too (--labels chooses)" if others else ""
        self.notes.append(f"{len(tables[0].names)} classes of {scores.name} from {first}{also}")


def _hint(output: TriedOutput, hints: Sequence[str]) -> int:
    """Return 0 for a name that hints at one kind, 2 at another, 1 at none."""
    name = output.name.lower()
    if any(hint in name for hint in hints):
        return 0
    others = {EMBEDDING_HINTS, SCORE_HINTS, SPECTRUM_HINTS} - {tuple(hints)}
    return 2 if any(hint in name for kind in others for hint in kind) else 1
