"""JSON Schema of model files, for editors: what may stand where, with units and meanings.

It is made of what the classes say (`qmodel.files.kinds`), as the reader is: what an editor
offers is what the reader takes. The reader checks more, such as that names are known.
"""

from __future__ import annotations

from typing import Any

from qmodel.distributions import Distribution
from qmodel.files.kinds import Argument, Expected, Kind, kinds_of
from qmodel.files.model_files import KEYS
from qmodel.files.reading import COMPONENTS, PARTS
from qmodel.loads import Load
from qmodel.pipeline import Step
from qmodel.queues import Station

__all__ = ["schema"]

_UNITS = {
    "s": "a time with its unit, such as 45 ms",
    "1/s": "a rate with its unit, such as 1200/s",
    "B": "a size with its unit, such as 4 GiB",
    "-": "a number without unit, or a share such as 85 %",
}
_PATTERNS = {
    "s": r"(ns|us|µs|ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)$",
    "1/s": r"(/ ?[a-z]+|rps|qps|rpm)$",
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of model files.

    Returns
    -------
    dict
        The schema, of the draft 2020-12. [-]

    Examples
    --------
    >>> from qmodel.files import schema
    >>> found = schema()
    >>> sorted(found["properties"])[:5]
    ['components', 'include', 'load', 'measured', 'objectives']
    >>> found["$defs"]["MMc"]["properties"]["service_time"]["description"]
    'mean service time [s]'
    """
    made = _Schema()
    step, component = made.of((Step,)), made.of((*COMPONENTS, *(f for (f,) in PARTS)))
    number = {"anyOf": [{"type": "number"}, {"type": "string"}]}
    numbers = {"type": "object", "additionalProperties": number}
    texts = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    load = {"anyOf": [made.number("1/s"), made.of((Load,))]}
    properties: dict[str, Any] = {
        "title": {"type": "string"},
        "include": texts,
        "load": load,
        "objectives": texts,
        "prices": numbers,
        "spreads": numbers,
        "measured": {
            "type": "object",
            "properties": {
                "lowest": made.number("1/s"),
                "highest": made.number("1/s"),
                "utilization": number,
                "kinds": texts,
            },
            "required": ["lowest", "highest"],
            "additionalProperties": False,
        },
        "zones": {
            "type": "object",
            "properties": {"number": {"type": "integer", "minimum": 2}, "spread": texts},
            "required": ["number", "spread"],
            "additionalProperties": False,
        },
        "scenarios": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {"load": load},
                "additionalProperties": number,
            },
        },
        "components": {"type": "object", "additionalProperties": component},
        "path": step,
        "requests": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {"share": made.number("-"), "path": step},
                "required": ["share", "path"],
                "additionalProperties": False,
            },
        },
        "urgent": {"type": "array", "items": {"type": "string"}},
        "station": made.of((Station,)),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A site for qmodel",
        "type": "object",
        "properties": {
            key: {**said, "description": KEYS[key]} for key, said in properties.items()
        },
        "oneOf": [{"required": [way]} for way in ("path", "requests", "station")],
        "additionalProperties": False,
        "$defs": made.definitions,
    }


class _Schema:
    """Definitions of kinds and families, each made once."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def of(self, families: tuple[type, ...]) -> dict[str, Any]:
        """Return the schema of a part of one of some families."""
        name = "-".join(["any", *(f.__name__ for f in families)])
        if name not in self.definitions:
            self.definitions[name] = {}  # families contain each other
            self.definitions[name] |= self._family(families)
        return {"$ref": f"#/$defs/{name}"}

    def _family(self, families: tuple[type, ...]) -> dict[str, Any]:
        kinds = kinds_of(*families)
        ways: list[dict[str, Any]] = [
            {"type": "string", "description": "the name of a component, or of a kind"},
            {
                "type": "object",
                "properties": {n: self._one(kind) for n, kind in kinds.items()},
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            },
        ]
        if Step in families:
            ways.append({"type": "array", "items": self.of((Step,))})
        if Distribution in families:
            moments = {"mean": self.number("s"), "scv": self.number("-")}
            ways.append(
                {
                    "type": "object",
                    "properties": moments,
                    "required": ["mean"],
                    "additionalProperties": False,
                }
            )
        if Load in families:
            ways.append(self._arguments(kinds["Closed"]))
        alone = [
            kind for f in families if len(kinds_of(f)) == 1 for kind in kinds_of(f).values()
        ]
        ways += [self._arguments(kind) for kind in alone if isinstance(kind.make, type)]
        return {"anyOf": ways}

    def _one(self, kind: Kind) -> dict[str, Any]:
        """Return the schema of what stands behind the name of a kind."""
        sole = kind.sole
        ways = [self._arguments(kind)]
        if kind.name == "call":
            ways.append({"type": "string"})
        elif sole is not None:
            ways.append(self._argument(sole))
        if not any(a.needed for a in kind.arguments.values()):
            ways.append({"type": "null"})
        return {"anyOf": ways, "description": kind.meaning} if len(ways) > 1 else ways[0]

    def _arguments(self, kind: Kind) -> dict[str, Any]:
        if kind.name not in self.definitions:
            found: dict[str, Any] = {"type": "object"}
            self.definitions[kind.name] = found
            given = {name: self._argument(a) for name, a in kind.arguments.items()}
            optional = {"name", "station"}  # which follow from the name of a component
            needed = [n for n, a in kind.arguments.items() if a.needed and n not in optional]
            found |= {
                "description": kind.meaning,
                "properties": given,
                "additionalProperties": False,
            }
            found |= {"required": needed} if needed else {}
        return {"$ref": f"#/$defs/{kind.name}"}

    def _argument(self, argument: Argument) -> dict[str, Any]:
        found = self._expected(argument.expected, argument.unit)
        if argument.many:
            found = {"type": "array", "items": found}
        unit = f" [{argument.unit}]" if argument.unit not in ("", "-") else ""
        said: dict[str, Any] = (
            {"description": f"{argument.meaning}{unit}"} if argument.meaning else {}
        )
        default = argument.default
        if isinstance(default, (str, int, float, bool)) and default not in ("", float("inf")):
            said["default"] = default
        return {**found, **said}

    def _expected(self, expected: Expected, unit: str) -> dict[str, Any]:
        ways: list[dict[str, Any]] = []
        if expected.families:
            ways.append(self.of(expected.families))
            if Distribution in expected.families:
                ways.append(self.number("s"))
        if expected.number:
            ways.append(self.number("s" if Distribution in expected.families else unit))
        if expected.flag:
            ways.append({"type": "boolean"})
        if expected.text:
            ways.append({"type": "string"})
            if expected.choices:
                ways = [{"enum": list(expected.choices)}, {"type": "number"}]  # 1.3, plain
        if expected.each:
            ways.append({"type": "array", "items": self._expected(expected.each, unit)})
        if expected.row:
            places = [self._expected(x, unit) for x in expected.row]
            ways.append(
                {
                    "type": "array",
                    "prefixItems": places,
                    "minItems": len(places),
                    "items": False,
                }
            )
        if expected.named:
            inner = self._expected(expected.named, unit)
            ways.append({"type": "object", "additionalProperties": inner})
        if expected.nothing:
            ways.append({"type": "null"})
        return dict(ways[0]) if len(ways) == 1 else {"anyOf": ways}

    def number(self, unit: str) -> dict[str, Any]:
        """Return the schema of a number, or an array of them, in a unit."""
        unit = unit or "-"
        name = {"s": "time", "1/s": "rate", "B": "size", "-": "number"}[unit]
        if name not in self.definitions:
            text: dict[str, Any] = {"type": "string"}
            if unit in _PATTERNS:
                text["pattern"] = _PATTERNS[unit]
            plain = {"const": 0} if unit in _PATTERNS else {"type": "number"}
            many = {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}
            self.definitions[name] = {
                "description": _UNITS[unit],
                "anyOf": [text, plain, many],
            }
        return {"$ref": f"#/$defs/{name}"}
