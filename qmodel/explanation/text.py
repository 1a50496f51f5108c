"""An explanation as text of 80 columns, as Markdown, and as LaTeX."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.str import StrPrinter

from qmodel import symbolic
from qmodel._typing import Value
from qmodel.basis import Assumption, Label, weakest
from qmodel.glossary import GLOSSARY, units_of
from qmodel.units import text

__all__ = ["Explanation", "drawn", "headline", "meaning", "one_line", "put_in", "shown"]


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Where a number comes from; print it, or let a notebook show it.

    Parameters
    ----------
    quantity : str
        What is explained. [-]
    value : number or array
        Its value; None for a distribution. [-]
    formula : sympy.Eq or None
        The formula on symbols; None where there is none. [-]
    how : str
        How the value follows from the formula. [-]
    numbers : mapping of sympy.Expr to number or array
        What was put in. [-]
    meanings : mapping of sympy.Expr to (str, str)
        What each symbol means, and its unit. [-]
    parts : tuple of (str, sympy.Eq)
        Formulas that the formula rests on, and for what. [-]
    rows : tuple of tuple of str
        A table of what was put in, the header first, for each station. [-]
    assumptions : tuple of Assumption
        What the value rests on. [-]
    sources : tuple of str
        The literature of the model. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> found = qm.explain(qm.MMc(0.01, servers=4).solve(300.0), "waiting_time")
    >>> found.label, float(found.value)
    ('exact', 0.0051)
    """

    quantity: str
    value: Value
    formula: Any
    how: str
    numbers: Mapping[Any, Value]
    meanings: Mapping[Any, tuple[str, str]]
    parts: tuple[tuple[str, Any], ...]
    rows: tuple[tuple[str, ...], ...]
    assumptions: tuple[Assumption, ...]
    sources: tuple[str, ...]

    @property
    def label(self) -> Label:
        """How much the value can be trusted, by its weakest assumption."""
        return weakest(self.assumptions)

    def as_text(self, *, unicode: bool = True) -> str:
        """Return text of 80 columns.

        Parameters
        ----------
        unicode : bool, default True
            Whether formulas are drawn with Greek letters and lines; else in ASCII. [-]

        Returns
        -------
        str
            The text; print shows it with Unicode. [-]
        """
        text = "\n".join(line.rstrip() for line in self._lines(unicode))
        return text if unicode else text.translate(_ASCII)

    def __str__(self) -> str:
        """Return text of 80 columns, the same in every terminal."""
        return self.as_text()

    def _lines(self, unicode: bool) -> list[str]:
        lines = [headline(self), *_wrapped(meaning(self.quantity))]
        if self.formula is not None:
            lines += ["", *_pretty(self.formula, unicode)]
        if self.how:
            lines += ["", *_wrapped(self.how)]
        for name, formula in self.parts:
            lines += ["", *_wrapped(f"{name}:"), *_pretty(formula, unicode)]
        if self.numbers:
            lines += [""]
            for symbol, value, said in put_in(self):
                name = one_line(symbol, unicode)
                lines += _wrapped(f"{name} = {value}   {said}".rstrip())
        lines += ["", *_aligned(self.rows)] if self.rows else []
        lines += ["", "It assumes"]
        for a in self.assumptions:
            lines += _wrapped(f"{a} ({a.label}): {a.statement}. {a.source}", "  ")
        if self.sources:
            lines += ["", "Literature"]
            for source in self.sources:
                lines += _wrapped(source, "  ")
        return lines

    def _repr_latex_(self) -> str | None:
        if self.formula is None:
            return None
        return rf"$\displaystyle {symbolic.latex(self.formula)}$"

    def _repr_markdown_(self) -> str:
        lines = [f"**{headline(self)}**: {meaning(self.quantity)}", ""]
        if self.formula is not None:
            lines += [f"$${symbolic.latex(self.formula)}$$", ""]
        if self.how:
            lines += [self.how, ""]
        for name, formula in self.parts:
            lines += [f"{name}:", "", f"$${symbolic.latex(formula)}$$", ""]
        table = [(f"${sp.latex(x)}$", v, m) for x, v, m in put_in(self)]
        for rows in ([("symbol", "value", "meaning"), *table] if table else [], self.rows):
            for i, row in enumerate(rows):
                lines += [f"| {' | '.join(row)} |"]
                lines += [f"|{' --- |' * len(row)}"] if i == 0 else []
            lines += [""] if rows else []
        lines += [f"- `{a}` ({a.label}): {a.statement}. {a.source}" for a in self.assumptions]
        return "\n".join([*lines, "", *(f"- {source}" for source in self.sources)]).rstrip()


def _unit(quantity: str) -> str:
    return units_of([quantity]).get(quantity, "-")


def headline(why: Explanation) -> str:
    """Return what is explained, with its value and label."""
    value = "" if why.value is None else f" = {shown(why.value, _unit(why.quantity))}"
    return f"{why.quantity}{value} ({why.label})"


def put_in(why: Explanation) -> Iterator[tuple[Any, str, str]]:
    """Yield the symbols that were put in, each with its value and its meaning."""
    for symbol, value in why.numbers.items():
        said, unit = why.meanings.get(symbol, ("", "-"))
        yield symbol, shown(value, unit), said


def meaning(quantity: str) -> str:
    """Return what a quantity is, in words."""
    percentile = re.search(r"(?:^|\.)p([\d.]+)$", quantity)
    if percentile:
        return f"{percentile[1]} % of the requests do not take longer"
    return GLOSSARY[quantity.rsplit(".", 1)[-1]].meaning


def shown(value: Any, unit: str) -> str:
    """Return `value` as people write it; of an array, its ends."""
    if isinstance(value, str):
        return value
    if isinstance(value, sp.Basic):
        return str(_OneLine().doprint(value))
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        return " ".join(map(str, array.ravel()[:4]))
    if array.ndim:
        ends = (shown(f(array), unit) for f in (np.min, np.max))
        return f"{' to '.join(ends)} ({array.size} cells)"
    if unit in ("s", "1/s") and np.isfinite(array):
        return text(float(array), unit)
    return f"{float(array):.6g}"


def _wrapped(paragraph: str, indent: str = "") -> list[str]:
    return textwrap.wrap(paragraph, 80, initial_indent=indent, subsequent_indent=indent + "  ")


_ASCII = str.maketrans({"λ": "lambda", "µ": "u"})


class _OneLine(StrPrinter):  # type: ignore[misc]
    """An expression in one line, with the letters of the drawn formulas."""

    def _print_Symbol(self, symbol: Any) -> str:
        return drawn(symbol, True)


def one_line(symbol: Any, unicode: bool) -> str:
    """Return a symbol, or a short formula, in one line."""
    name = drawn(symbol, unicode)
    return str(_OneLine().doprint(symbol)) if "\n" in name else name


def drawn(formula: Any, unicode: bool) -> str:
    """Return a formula as text of several lines, with Greek letters or in ASCII."""
    # Said each time, as SymPy would else ask the terminal.
    return str(sp.pretty(formula, use_unicode=unicode, wrap_line=True, num_columns=76))


def _pretty(formula: Any, unicode: bool) -> list[str]:
    return [f"    {line}" for line in drawn(formula, unicode).splitlines()]


def _aligned(rows: tuple[tuple[str, ...], ...]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in rows
    ]
