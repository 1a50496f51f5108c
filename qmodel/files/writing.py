"""A site as plain data, and as text: what `read_model` reads back as the same.

Numbers are written exactly, with units of readable size: 0.0045 s becomes "4.5 ms", whose
decimal is the same float again. What has its default is left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from itertools import count
from typing import Any

from qmodel._values import same
from qmodel.errors import ModelError
from qmodel.files.kinds import FAMILIES, Argument, Kind, kinds_of, recipe
from qmodel.files.site import A_ZONE_LOST, Scenario, Site, meanings_of
from qmodel.files.values import amount, digits
from qmodel.loads import Load, Poisson
from qmodel.pipeline import Pipeline, Step, call
from qmodel.pipeline.steps.call import Call
from qmodel.planning._models import asked
from qmodel.planning.region import Region
from qmodel.queues import Station

__all__ = ["data_of", "text_of"]


def data_of(site: Site) -> dict[str, Any]:
    """Return a site as plain data."""
    found: dict[str, Any] = {}
    if site.title:
        found["title"] = site.title
    writer = _Writer()
    if site.load is not None:
        found["load"] = _load(writer, site.load)
    if site.objectives:
        found["objectives"] = [str(goal) for goal in site.objectives]
    for key in ("prices", "spreads"):
        if getattr(site, key):
            found[key] = {name: amount(x, "-") for name, x in getattr(site, key).items()}
    if site.measured is not None:
        found["measured"] = _measured(site.measured)
    if site.zones:
        found["zones"] = {"number": site.zones.number, "spread": list(site.zones.spread)}
    own = {n: s for n, s in site.scenarios.items() if not (site.zones and n == A_ZONE_LOST)}
    if own:
        units = meanings_of(asked(site.model))
        found["scenarios"] = {n: _scenario(writer, s, units) for n, s in own.items()}
    if isinstance(site.model, Station):
        return {**found, "station": writer.part(site.model)}
    return {**found, **writer.pipeline(site.model)}


def _load(writer: _Writer, load: Load) -> Any:
    if isinstance(load, Poisson):
        return amount(load.rate, "1/s")
    return writer.part(load)


def _measured(region: Region) -> dict[str, Any]:
    found = {
        "lowest": amount(region.lowest, "1/s"),
        "highest": amount(region.highest, "1/s"),
        "utilization": f"{digits(float(region.utilization), 2)} %",
    }
    return found | ({"kinds": list(region.kinds)} if region.kinds else {})


def _scenario(writer: _Writer, scenario: Scenario, units: Mapping[str, Any]) -> dict[str, Any]:
    found = {} if scenario.load is None else {"load": _load(writer, scenario.load)}
    found |= {n: amount(x, units[n].unit) for n, x in scenario.changes.items()}
    return found | {n: f"{digits(x, 2)} %" for n, x in scenario.left.items()}


class _Writer:
    """Writes parts of models; what stands in several places becomes a component."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._kinds: dict[type, Mapping[str, Kind]] = {}
        self.components: dict[str, Any] = {}

    def pipeline(self, model: Pipeline) -> dict[str, Any]:
        """Return the components and paths of a pipeline."""
        shared = self._shared(root for _, root in model.kinds.values())
        taken = set(model.stations)
        for step in shared:
            self._names[id(step)] = name = _unused(
                getattr(step, "name", "") or step.word, taken
            )
            taken.add(name)
        for step in shared:
            self.components[self._names[id(step)]] = self._step(step, True)
        if list(model.kinds) == ["all"]:
            paths: dict[str, Any] = {"path": self.part(model.kinds["all"][1])}
        else:
            paths = {
                "requests": {
                    kind: {"share": amount(share, "-"), "path": self.part(root)}
                    for kind, (share, root) in model.kinds.items()
                }
            }
            if model.urgent != tuple(model.kinds):
                paths["urgent"] = list(model.urgent)
        return ({"components": self.components} if self.components else {}) | paths

    @staticmethod
    def _shared(roots: Iterable[Step]) -> list[Step]:
        """Return the steps that stand in several places, but for calls, the innermost first."""
        met: Counter[int] = Counter()
        order: dict[int, Step] = {}

        def visit(step: Step) -> None:
            met[id(step)] += 1
            if met[id(step)] == 1:
                for child in step.children:
                    visit(child)
                order[id(step)] = step

        for root in roots:
            visit(root)
        # A step without parts or numbers is the same wherever it stands.
        return [
            s
            for i, s in order.items()
            if met[i] > 1 and not isinstance(s, Call) and recipe(s)[0] != "nothing"
        ]

    def part(self, thing: Any) -> Any:
        """Return a part of a model as data."""
        if isinstance(thing, Step):
            if id(thing) in self._names:
                return self._names[id(thing)]
            return self._step(thing, False)
        return self._kind(thing)

    def _step(self, step: Step, component: bool) -> Any:
        if isinstance(step, Call) and not component:
            if step.name not in self.components:
                self.components[step.name] = self.part(step.station)
            if step.service is None and step.priority is None:
                return step.name
            more: dict[str, Any] = {"name": step.name}
            if step.service is not None:
                more["service"] = self._kind(step.service)
            if step.priority is not None:
                more["priority"] = step.priority
            return {"call": more}
        return self._kind(step, component)

    def _kind(self, thing: Any, named: bool = False) -> Any:
        name, given = recipe(thing)
        family = next((f for f in FAMILIES if isinstance(thing, f)), type(thing))
        if family not in self._kinds:
            self._kinds[family] = kinds_of(family)
        kind = self._kinds[family].get(name)
        if kind is None:
            raise ModelError(f"a file has no name for {type(thing).__name__}, {thing!r:.60}")
        data: dict[str, Any] = {}
        unknown = [
            k for k, x in given.items() if k not in kind.arguments and x not in ("", None)
        ]
        if unknown:
            raise ModelError(f"{name} does not take its own {unknown[0]!r}")
        for key, argument in kind.arguments.items():
            if key not in given:
                continue
            value = given[key]
            keep = argument.needed or argument.many or not same(value, argument.default)
            if keep or (named and key == "name"):
                data[key] = self._value(value, argument)
        if list(data) == ["steps"] and name == "series":
            return data["steps"]
        if name == "from_mean_scv":
            return data if data["scv"] != 1 else {"mean": data["mean"]}
        return {name: _shortest(kind, data)}

    def _value(self, value: Any, argument: Argument) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, Mapping):
            return {n: self._value(x, argument) for n, x in value.items()}
        if isinstance(value, (tuple, list)):
            return [self._value(x, argument) for x in value]
        if hasattr(value, "__dataclass_fields__"):
            return self.part(value)
        return amount(value, argument.unit)


def _shortest(kind: Kind, data: dict[str, Any]) -> Any:
    """Return the one thing that a kind needs alone, where it is all that is said."""
    sole = kind.sole
    if sole is None or kind.make is call or set(data) != {sole.name}:
        return data
    value = data[sole.name]
    if not isinstance(value, dict):
        return value
    (inner, *others) = value
    return data if others or inner in kind.arguments else value


def _unused(name: str, taken: set[str]) -> str:
    plain = name = name.replace(".", " ")
    for i in count(2):
        if name not in taken:
            break
        name = f"{plain} {i}"
    return name


# Texts.


def text_of(data: Mapping[str, Any], ending: str) -> str:
    """Return plain data as the text of a file with an ending."""
    if ending == ".json":
        return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return "".join(_toml(data)) if ending == ".toml" else _yaml(data)


def _yaml(data: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None  # short mappings in one line
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = True
    yaml.width = 96
    yaml.representer.ignore_aliases = lambda x: True
    out = StringIO()
    yaml.dump(dict(data), out)
    return out.getvalue()


def _toml(data: Mapping[str, Any]) -> Iterator[str]:
    tables = [k for k in ("components", "requests", "scenarios") if k in data]
    for key, value in data.items():
        if key not in tables:
            yield f"{_toml_key(key)} = {_toml_value(value)}\n"
    for key in tables:
        yield f"\n[{key}]\n"
        for name, value in data[key].items():
            yield f"{_toml_key(name)} = {_toml_value(value)}\n"


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        inner = (f"{_toml_key(k)} = {_toml_value(v)}" for k, v in value.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    if value is None:
        raise ModelError("TOML has no null: write .yaml or .json")
    return json.dumps(value, ensure_ascii=False)
