"""What of an answer goes beyond what was measured of its model, said in the answer itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import wraps
from typing import ParamSpec

from qmodel.answers.answer import Answer, Picture
from qmodel.planning.region import doubts_heard

__all__ = ["with_doubts"]

P = ParamSpec("P")


def with_doubts(question: Callable[P, Answer]) -> Callable[P, Answer]:
    """Return a question whose answers say what goes beyond what was measured."""

    @wraps(question)
    def asked(*args: P.args, **named: P.kwargs) -> Answer:
        with doubts_heard() as heard:
            answer = question(*args, **named)
        doubts = [*answer.doubts, *heard]
        return replace(answer, doubts=doubts, draw=_Drawn(answer.draw))

    return asked


class _Drawn:
    """Pictures that are drawn when they are first asked for, and kept."""

    def __init__(self, draw: Callable[[], Sequence[Picture]]) -> None:
        self._draw = draw
        self._pictures: Sequence[Picture] | None = None

    def __call__(self) -> Sequence[Picture]:
        if self._pictures is None:
            # They are beside the answer, and the answer has said its doubts.
            with doubts_heard():
                self._pictures = self._draw()
        return deepcopy(self._pictures)
