"""Loads as files write them: a recorded one beside the model file, sums and scalings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qmodel.files.documents import Path_
from qmodel.loads import Profile

__all__ = ["located", "recorded", "scaled", "together"]


def recorded(
    file: str, time: str | None = None, count: str | None = None, unit: str | None = None
) -> Profile:
    """Return a recorded load, in straight lines from row to row, from its first time on.

    Parameters
    ----------
    file : str
        The file, from the folder of the model file: a CSV file, plain or gzip, or any other
        that `qmodel.read_load` knows. [-]
    time : str, optional
        Column of times; by default the only one that holds dates. [-]
    count : str, optional
        Column of counts or rates; by default the only other one that holds numbers. [-]
    unit : str, optional
        Unit of the rates in that column, such as "requests/min"; by default the column counts
        requests. [-]

    Returns
    -------
    Profile
        The load. [1/s]

    Raises
    ------
    LoadFileError
        If the file cannot be read.
    """
    from qmodel.recorded_load.read import read_load
    from qmodel.transients.profiles import recorded as profile

    return profile(read_load(file, time=time, count=count, unit=unit))


def together(*loads: Profile) -> Profile:
    """Return the sum of loads that change in time, such as a day and a crowd.

    Parameters
    ----------
    *loads : Profile
        The loads; each is outside its times as at their nearer end. [-]

    Returns
    -------
    Profile
        All of them. [1/s]

    Raises
    ------
    DomainError
        If there is none.

    Examples
    --------
    >>> both = together(Profile([0, 60], [10, 20]), Profile([0, 30, 60], [0, 100, 0]))
    >>> both.rates.tolist()
    [10.0, 115.0, 20.0]
    """
    from qmodel.errors import DomainError

    if not loads:
        raise DomainError("loads must be at least one, got none")
    first, *others = loads
    return sum(others, first)


def scaled(load: Profile, by: float) -> Profile:
    """Return so many times a load that changes in time.

    Parameters
    ----------
    load : Profile
        The load. [-]
    by : float
        How many times as much, >= 0. [-]

    Returns
    -------
    Profile
        The load. [1/s]

    Raises
    ------
    DomainError
        If `by` is negative or infinite.

    Examples
    --------
    >>> scaled(Profile([0, 60], [10, 20]), 1.5).rates.tolist()
    [15.0, 30.0]
    """
    return load * by


def located(data: Any, at: Path_, folder: Callable[[Path_], Path]) -> Any:
    """Return the data of a load, the files in it as seen from those that name them."""
    if isinstance(data, list):
        return [located(x, (*at, i), folder) for i, x in enumerate(data)]
    if not isinstance(data, dict):
        return data
    found = {key: located(x, (*at, key), folder) for key, x in data.items()}
    if "recorded" in found:
        given, here = found["recorded"], folder((*at, "recorded"))
        given = {"file": given} if isinstance(given, str) else given
        if isinstance(given, dict) and isinstance(given.get("file"), str):
            found["recorded"] = {**given, "file": str(here / given["file"])}
    return found
