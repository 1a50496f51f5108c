"""Reading and writing model files: `read_model` and `write_model`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qmodel._checked import checked
from qmodel._fields import described
from qmodel._nearest import did_you_mean
from qmodel.errors import ModelFileError, QModelError
from qmodel.files.documents import ENDINGS, Path_, parsed
from qmodel.files.loads import located
from qmodel.files.reading import Reader
from qmodel.files.site import A_ZONE_LOST, Scenario, Site, Zones, meanings_of
from qmodel.files.sources import Sources
from qmodel.files.values import number
from qmodel.loads import Load, Poisson
from qmodel.pipeline import Pipeline
from qmodel.planning._models import Asked, asked
from qmodel.planning.region import Region
from qmodel.queues import Station

__all__ = ["KEYS", "read_model", "site_of_text", "write_model"]

KEYS = {
    **{name: said.meaning for name, said in described(Site).items()},
    "include": "files that this one is laid over, beside it",
    "components": "parts by name: stations, steps, parts of the web",
    "path": "what every request does",
    "requests": "kinds of request by name, each with its share and its path",
    "urgent": "kinds of request in the order in which stations with priorities serve them",
    "station": "in place of a path: one station, alone",
}
"""The keys of a model file, and what each is."""


@checked
def read_model(
    path: str | os.PathLike[str],
    *,
    overrides: Iterable[str | os.PathLike[str]] = (),
    changes: Mapping[str, Any] | None = None,
) -> Site:
    """Return the site that a model file describes.

    Parameters
    ----------
    path : str or path
        The file: .yaml, .yml, .toml or .json. [-]
    overrides : iterable of str or path, optional
        Files that are laid over it, the last one uppermost: what they say stands in place of
        what the file says. [-]
    changes : mapping of str to (str or number), optional
        Other values of parameters, as in `Pipeline.replace`; a text may have a unit. [-]

    Returns
    -------
    Site
        The model, with load, objectives, prices, zones, scenarios and spreads. [-]

    Raises
    ------
    ModelFileError
        If a file cannot be read; the message names file, line, column and what is wrong.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "site.yaml"
    >>> _ = file.write_text('''
    ... load: 300/s
    ... objectives: [p99 < 80 ms]
    ... components:
    ...   db: {MMc: {service_time: 10 ms, servers: 4}}
    ... path: [db]
    ... ''')
    >>> site = read_model(file)
    >>> print(site.model.solve(site.load))
    at 300/s: mean 15.1 ms, p99 60.1 ms (exact); db saturates first, at 400/s
    >>> read_model(file, changes={"db.service_time": "5 ms"}).model.parameters()
    {'db.service_time': 0.005, 'db.servers': 4}
    """
    sources = Sources(KEYS)
    for name in (path, *overrides):
        sources.add(Path(name))
    return _site(sources, changes or {})


@checked
def site_of_text(written: str, name: str = "text", ending: str = ".yaml") -> Site:
    """Return the site that a text describes, as `read_model` does of a file.

    Parameters
    ----------
    written : str
        The text. [-]
    name : str, default "text"
        How it is called in messages. [-]
    ending : str, default ".yaml"
        Its language, as the ending of a file. [-]

    Returns
    -------
    Site
        The site. [-]

    Raises
    ------
    ModelFileError
        If the text is wrong; the message says where.

    Examples
    --------
    >>> print(site_of_text("station: {MMc: 10 ms}").model)
    MMc(service_time=0.01, servers=1)
    """
    sources = Sources(KEYS)
    sources.lay(parsed(written, name, ending))
    return _site(sources, {})


@checked
def write_model(model: Site | Pipeline | Station, path: str | os.PathLike[str]) -> None:
    """Write a model, or a site, into a file that `read_model` reads.

    Parameters
    ----------
    model : Site, Pipeline or Station
        What to write. Numbers are written exactly, with readable units. [-]
    path : str or path
        The file: .yaml, .yml, .toml or .json. It appears when it is complete. [-]

    Raises
    ------
    ModelError
        If the model has a part that files do not know, such as symbols or a function.
    ModelFileError
        If the ending is none of these.

    Examples
    --------
    >>> import qmodel as qm, tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "shop.yaml"
    >>> shop = qm.Pipeline(qm.repeat(3, qm.call("db", qm.MMc(0.0045, servers=8))))
    >>> write_model(shop, file)
    >>> print(file.read_text())
    components:
      db:
        MMc: {service_time: 4.5 ms, servers: 8}
    path:
      repeat: {times: 3, step: db}
    <BLANKLINE>
    >>> read_model(file).model.parameters() == shop.parameters()
    True
    """
    from qmodel.files.whole import whole_file
    from qmodel.files.writing import data_of, text_of

    target = Path(path)
    ending = target.suffix.lower()
    if ending not in ENDINGS:
        raise ModelFileError(f"{target}: a model file ends in .yaml, .yml, .toml or .json")
    site = model if isinstance(model, Site) else Site(model=model)
    written = text_of(data_of(site), ending)
    with whole_file(target) as file:
        file.write(written.encode())


def _site(sources: Sources, changes: Mapping[str, Any]) -> Site:
    data = sources.data
    components = _mapping(sources, "components")
    reader = Reader(components, sources.error)
    model = _model(sources, reader)
    for name in components:  # also what no path uses: its errors are errors
        reader.component(name, ("components", name))
    given: dict[str, Any] = {}
    if "title" in data:
        given["title"] = str(data["title"])
    if "load" in data:
        given["load"] = _load(reader, data["load"], sources, ("load",))
    for key in ("prices", "spreads"):
        given[key] = {
            name: _number(sources, value, "-", (key, name))
            for name, value in _mapping(sources, key).items()
        }
    if "measured" in data:
        given["measured"] = _measured(sources)
    if "zones" in data:
        given["zones"] = _zones(sources)
    goals = data.get("objectives", [])
    given["objectives"] = goals = [goals] if isinstance(goals, str) else goals
    if not isinstance(goals, list):
        raise sources.error("objectives is a list of texts", ("objectives",))
    for i, goal in enumerate(goals):
        try:
            Site(model=model, objectives=(goal,))
        except QModelError as e:
            raise sources.error(str(e), ("objectives", i)) from None
    whole = asked(model)
    given["scenarios"] = {
        name: _scenario(sources, reader, whole, name) for name in _mapping(sources, "scenarios")
    }
    for key, value in given.items():
        try:
            Site(model=model, **{key: value})
        except QModelError as e:
            raise sources.error(str(e), _about(key, value, str(e))) from None
    site = Site(model=model, **given)
    return site.changed(changes) if changes else site


def _about(key: str, value: Any, message: str) -> Path_:
    """Return the path of what a message is about: a name that it has in quotes, or the key."""
    if isinstance(value, dict):
        named = [name for name in value if repr(name) in message or f" {name} " in message]
        return (key, *named[:1])
    return (key,)


def _mapping(sources: Sources, key: str) -> dict[str, Any]:
    found = sources.data.get(key)
    found = {} if found is None else found
    if not isinstance(found, dict):
        raise sources.error(f"{key} is a mapping from names", (key,))
    return found


def _number(
    sources: Sources, value: Any, unit: str, at: Path_, *, sizes: bool = False
) -> float:
    try:
        return number(value, unit, sizes=sizes)
    except QModelError as e:
        raise sources.error(str(e), at) from None


def _model(sources: Sources, reader: Reader) -> Pipeline | Station:
    data = sources.data
    ways = [key for key in ("path", "requests", "station") if key in data]
    if len(ways) != 1:
        if ways:
            raise sources.error(
                f"{' and '.join(ways)} are said, and only one may be", (ways[1],)
            )
        raise sources.error("a model needs a path, or requests of several kinds")
    way = ways[0]
    if "urgent" in data and way != "requests":
        raise sources.error("urgent orders several kinds of requests", ("urgent",))
    try:
        if way == "station":
            found = reader.part(data[way], Station, at=(way,))
            assert isinstance(found, Station)
            return found
        if way == "path":
            return Pipeline(reader.step(data[way], (way,)))
        return Pipeline(_requests(sources, reader), urgent=data.get("urgent"))
    except QModelError as e:
        if isinstance(e, ModelFileError):
            raise
        raise sources.error(str(e), (way,)) from None


def _requests(sources: Sources, reader: Reader) -> dict[str, Any]:
    kinds = {}
    for name, said in _mapping(sources, "requests").items():
        at = ("requests", name)
        if not isinstance(said, dict):
            raise sources.error("a kind of request has a share and a path", at)
        for key in said:
            if key not in ("share", "path"):
                hint = did_you_mean(key, ("share", "path"))
                raise sources.error(f"a kind of request has no {key!r}{hint}", (*at, key))
        missing = [key for key in ("share", "path") if key not in said]
        if missing:
            raise sources.error(f"request {name!r} needs {' and '.join(missing)}", at)
        kinds[name] = (
            reader.numbers(said["share"], (*at, "share")),
            reader.step(said["path"], (*at, "path")),
        )
    return kinds


def _load(reader: Reader, data: Any, sources: Sources, at: Path_) -> Load:
    if isinstance(data, dict):
        found = reader.part(located(data, at, sources.folder), Load, at=at)
        assert isinstance(found, Load)
        return found
    try:
        return Poisson(reader.numbers(data, at, "1/s"))
    except QModelError as e:
        if isinstance(e, ModelFileError):
            raise
        raise sources.error(str(e), at) from None


def _measured(sources: Sources) -> Region:
    said = _mapping(sources, "measured")
    units = {"lowest": "1/s", "highest": "1/s", "utilization": "-"}
    if not {"lowest", "highest"} <= set(said) or not set(said) <= {*units, "kinds"}:
        raise sources.error(
            "measured has loads: {lowest: 50/s, highest: 300/s, utilization: 60 %}",
            ("measured",),
        )
    numbers = {
        name: _number(sources, said[name], unit, ("measured", name))
        for name, unit in units.items()
        if name in said
    }
    kinds = said.get("kinds", ())
    try:
        return Region(**numbers, kinds=(kinds,) if isinstance(kinds, str) else tuple(kinds))
    except QModelError as e:
        raise sources.error(str(e), ("measured",)) from None


def _zones(sources: Sources) -> Zones:
    said = sources.data["zones"]
    if not isinstance(said, dict) or set(said) != {"number", "spread"}:
        raise sources.error(
            "zones has a number, and what is spread over them: "
            "{number: 3, spread: [app.servers]}",
            ("zones",),
        )
    try:
        spread = [said["spread"]] if isinstance(said["spread"], str) else said["spread"]
        return Zones(said["number"], tuple(spread))
    except QModelError as e:
        raise sources.error(str(e), ("zones",)) from None


def _scenario(sources: Sources, reader: Reader, model: Asked, name: str) -> Scenario:
    at: Path_ = ("scenarios", name)
    said = sources.data["scenarios"][name]
    if name == A_ZONE_LOST and "zones" in sources.data:
        raise sources.error(f"{name!r} follows from zones", at)
    if not isinstance(said, dict):
        raise sources.error("a scenario is a mapping from what changes", at)
    known, units = model.parameters(), meanings_of(model)
    load, changes, left = None, {}, {}
    for key, value in said.items():
        here = (*at, key)
        if key == "load":
            load = _load(reader, value, sources, here)
        elif key not in known:
            raise sources.error(
                f"no parameter {key!r} in the model{did_you_mean(key, ['load', *known])}", here
            )
        elif isinstance(value, str) and "%" in value and isinstance(known[key], int):
            left[key] = _number(sources, value, "-", here)
        else:
            unit = units[key].unit
            changes[key] = _number(sources, value, unit, here, sizes=unit == "-")
    try:
        found = Scenario(load=load, changes=changes, left=left)
        found.applied(model)
    except QModelError as e:
        raise sources.error(str(e), at) from None
    return found
