"""Did you mean: a hint for who wrote a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(word: object, known: Iterable[str], *, few: int = 12) -> str:
    """Return the end of a message: the nearest known name, or all if they are `few`.

    Examples
    --------
    >>> did_you_mean("Databse", ["database", "web"])
    "; did you mean 'database'?"
    >>> did_you_mean("x", ["database", "web"]), did_you_mean("x", [])
    ('; there are database, web', '; there is none')
    """
    names = {name.lower(): name for name in known}
    if not names:
        return "; there is none"
    near = difflib.get_close_matches(str(word).lower(), names, n=1, cutoff=0.4)
    if near:
        return f"; did you mean {names[near[0]]!r}?"
    return f"; there are {', '.join(names.values())}" if len(names) <= few else ""
