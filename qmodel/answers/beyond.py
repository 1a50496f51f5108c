"""What of an answer goes beyond what was measured of its model, said in the answer itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, wraps
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
        # What is drawn later is beside the answer, and the answer has said it.
        draw = partial(_without_doubts, answer.draw)
        return replace(answer, doubts=[*answer.doubts, *heard], draw=draw)

    return asked


def _without_doubts(draw: Callable[[], Sequence[Picture]]) -> Sequence[Picture]:
    with doubts_heard():
        return draw()
