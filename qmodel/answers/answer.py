"""An answer as a value: what is said first, what it rests on, and the numbers to go on with.

An `Answer` takes five forms: `print` gives its sentences, a notebook its tables in light or
dark, `to_markdown` the comment on a change, `to_json` plain SI numbers for other programs, and
`to_frame` a table to compute with. Tables and pictures with their numbers are made when they
are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.words import AGE, BYTES, RATE, TIME, shown
from qmodel.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Answer", "Column", "Fact", "Formula", "Picture", "Table"]

Picture = dict[str, Any]
"""A Vega-Lite specification, with its data."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A number, or a word, that the answer states.

    Parameters
    ----------
    key : str
        Its name in JSON; a dot leads into an object. [-]
    label : str
        Its name for people. [-]
    value : number or str
        The value, in SI units. [-]
    unit : str
        The unit: "s", "1/s", "%" of a share, "B", "-", or "" for words. [-]
    """

    key: str
    label: str
    value: Any
    unit: str = ""

    def shown(self) -> str:
        """Return the value in words and readable units."""
        return shown(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    key : str
        Its name in JSON. [-]
    header : str
        Its name for people. [-]
    unit : str
        The unit of its values, as of a `Fact`; "bar" is a share that is drawn. [-]
    values : sequence
        The cells, in SI units. [-]
    """

    key: str
    header: str
    unit: str
    values: Sequence[Any]

    def shown(self, row: int) -> str:
        """Return a cell in words and readable units."""
        return shown(self.values[row], self.unit)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length.

    Parameters
    ----------
    key : str
        Its name in JSON; "" for a table that repeats what is there. [-]
    title : str
        Its title for people. [-]
    columns : sequence of Column
        The columns. [-]
    marked : int, optional
        The row to look at. [-]
    mark : str, optional
        Why. [-]
    """

    key: str
    title: str
    columns: Sequence[Column]
    marked: int | None = None
    mark: str = ""

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a frame; ``attrs["units"]`` has the units."""
        import pandas as pd

        frame = pd.DataFrame({c.key: list(c.values) for c in self.columns})
        frame.attrs["units"] = {
            c.key: c.unit if c.unit in (TIME, RATE, BYTES) else "s" if c.unit == AGE else "-"
            for c in self.columns
        }
        return frame


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in its forms.

    Parameters
    ----------
    name : str
        Of what it is; "" of the answer itself. [-]
    text : str
        The formula drawn in lines of text. [-]
    ascii : str
        The same in ASCII. [-]
    latex : str
        The same in LaTeX. [-]
    """

    name: str
    text: str
    ascii: str
    latex: str


def _nothing() -> Sequence[Picture]:
    return ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Answer:
    """What a question to a model gives.

    Parameters
    ----------
    question : str
        The question, by the name of its function. [-]
    verdict : str
        The answer in one line. [-]
    good : bool
        Whether the objectives are met, or nothing is overloaded. [-]
    meaning : sequence of str
        What the verdict means. [-]
    doubts : sequence of str
        Why it goes beyond what was measured of the model; none where nothing was, or all of it
        is within. [-]
    facts : sequence of Fact
        The numbers that it states, with their units. [-]
    tables : sequence of Table
        Tables with their units. [-]
    notes : sequence of str
        What else to know; last, on what the numbers rest. [-]
    formulas : sequence of Formula, optional
        The formulas behind a number. [-]
    details : mapping of str to object, optional
        What JSON has beside the facts. [-]
    frame : callable, optional
        Makes the frame of `to_frame`; by default the first table is it. [-]
    rows : str, optional
        Under this name JSON and Markdown have all rows of the frame; "" where the tables
        have them. [-]
    draw : callable, optional
        Makes the pictures. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.01, servers=4)))
    >>> found = qm.answers.solve(shop, 300.0, objectives="p99 < 80 ms")
    >>> print(found)
    Sustains up to 400/s; at 300/s: mean 15.1 ms, p99 60.1 ms; bottleneck: web
    With 300 requests a second, half of them take at most ...
    Objective p99 < 80 ms: met here; it holds up to ...
    >>> found.facts[0]
    Fact(key='arrival_rate', label='load', value=300.0, unit='1/s')
    >>> found.to_frame()["station"].tolist()
    ['web']
    """

    question: str
    verdict: str
    good: bool
    meaning: Sequence[str] = ()
    doubts: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    formulas: Sequence[Formula] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    frame: Callable[[], pd.DataFrame] | None = None
    rows: str = ""
    draw: Callable[[], Sequence[Picture]] = _nothing

    def __str__(self) -> str:
        """Return the verdict, what it means, and whether that was measured."""
        return "\n".join([self.verdict, *self.meaning, *self.warnings])

    def __repr__(self) -> str:
        """Return the verdict."""
        return f"<{self.verdict}>"

    @property
    def warnings(self) -> list[str]:
        """Why it goes beyond what was measured of the model, a sentence each."""
        return [f"Beyond what was measured: {doubt}." for doubt in self.doubts]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Vega-Lite specifications with their data, made when they are first asked for."""
        return tuple(self.draw())

    @checked
    def fact(self, key: str) -> Any:
        """Return the value of a fact by its key.

        Parameters
        ----------
        key : str
            The key, such as "max_rate". [-]

        Returns
        -------
        number or str
            The value. [-]

        Raises
        ------
        ModelError
            If there is no such fact; the message has those that there are.
        """
        known = {f.key: f.value for f in self.facts}
        if key not in known:
            raise ModelError(f"no fact {key!r}; there are {', '.join(known)}")
        return known[key]

    def to_frame(self) -> pd.DataFrame:
        """Return the rows of the answer as a frame.

        Returns
        -------
        pandas.DataFrame
            The rows, in SI units; ``attrs["units"]`` names them. [-]
        """
        if self.frame is not None:
            return self.frame()
        return self.tables[0].to_frame()

    def to_json(self) -> str:
        """Return the answer as a JSON object with plain SI numbers.

        JSON knows no infinity, so overload is the text "inf", which ``float`` reads; a
        missing value is null.

        Returns
        -------
        str
            The object. [-]
        """
        return "".join(self.json_parts())

    def json_parts(self) -> Iterator[str]:
        """Yield the JSON object in parts, for answers of many rows."""
        from qmodel.answers.as_json import parts

        return parts(self)

    def to_markdown(self) -> str:
        """Return the answer as Markdown, fit for the comment on a change.

        Returns
        -------
        str
            Verdict, tables with all their rows, and notes. [-]
        """
        return "".join(self.markdown_parts())

    def markdown_parts(self) -> Iterator[str]:
        """Yield the Markdown in parts, for answers of many rows."""
        from qmodel.answers.as_markdown import parts

        return parts(self)

    def to_html(self) -> str:
        """Return the answer as a page of HTML that needs no network.

        Returns
        -------
        str
            The page; light or dark as the reader has it. [-]
        """
        from qmodel.answers.as_html import page

        return page(self)

    def _repr_html_(self) -> str:
        from qmodel.answers.as_html import fragment

        return fragment(self)

    def plot(self) -> Any:
        """Return the pictures as one Altair chart.

        Returns
        -------
        altair.TopLevelMixin
            The chart; a notebook shows it. [-]

        Raises
        ------
        ModelError
            If Altair is not installed, or the answer has no picture.
        """
        from qmodel.answers.pictures import chart

        return chart(self)
