"""Pictures as Vega-Lite specifications: plain data, drawn by Altair where it is installed.

A specification names no colours of ground and text, so that a page can give it its own; its
colours for data can be told apart on light and on dark ground, by people of all colour vision.
Each has a `description`, for who cannot see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from qmodel.errors import ModelError

if TYPE_CHECKING:
    from qmodel.answers.answer import Answer, Picture

__all__ = [
    "COLOURS",
    "bars",
    "chart",
    "costs",
    "heat_map",
    "lines",
    "marks",
    "rows_of",
    "svg",
    "tornado",
    "waterfall",
]

COLOURS = ("#0072b2", "#d55e00", "#00875f", "#9c5a8c", "#7a7a7a")
"""Of data, each at least three times as bright or as dark as white and black ground."""

_WIDTH, _HEIGHT = 560, 220


def rows_of(columns: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """Return the rows of columns, without those that have an infinite or a missing cell."""
    rows = zip(*columns.values(), strict=True)
    return [
        dict(zip(columns, row, strict=True))
        for row in rows
        if all(not isinstance(x, float) or math.isfinite(x) for x in row)
    ]


def lines(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    x: tuple[str, str],
    y: tuple[str, str],
    *,
    by: str,
    logarithmic: bool = False,
    time: bool = False,
    most: float | None = None,
) -> Picture:
    """Return a curve for each value of the column `by`; `x` and `y` are column and title.

    What lies above `most` is cut off.
    """
    # In the order of the rows, which is that of the percentiles.
    order = list(dict.fromkeys(row[by] for row in rows))
    colours = {"domain": order, "range": [COLOURS[i % len(COLOURS)] for i in range(len(order))]}
    scale = {} if most is None else {"domain": [0, most], "nice": False}
    # Names of parameters have dots, which Vega reads as a way into objects.
    points = [{"x": row[x[0]], "y": row[y[0]], "of": row[by]} for row in rows]
    told = []
    for name in order:
        values = [point["y"] for point in points if point["of"] == name]
        told.append(f"{name} from {min(values):.3g} to {max(values):.3g}")
    return _picture(
        title,
        points,
        {
            "mark": {
                "type": "line",
                "interpolate": "monotone",
                "strokeWidth": 2,
                "clip": True,
            },
            "encoding": {
                "x": {
                    "field": "x",
                    "type": "temporal" if time else "quantitative",
                    "title": x[1],
                    "scale": {"type": "log"} if logarithmic else {},
                },
                "y": {
                    "field": "y",
                    "type": "quantitative",
                    "title": y[1],
                    "scale": scale,
                },
                "color": {
                    "field": "of",
                    "type": "nominal",
                    "sort": order,
                    "title": None,
                    "scale": colours,
                },
            },
        },
        f"{y[1]} by {x[1]}: {', '.join(told)}",
    )


def marks(
    picture: Picture, values: Mapping[str, float], axis: str = "x", *, above: bool = False
) -> Picture:
    """Return a picture with a line across it for each value, with its name; or `above` it."""
    finite: list[dict[str, Any]] = [
        {"at": v, "is": n} for n, v in values.items() if math.isfinite(v)
    ]
    if not finite:
        return picture
    at = {"field": "at", "type": "quantitative"}
    across = {
        "data": {"values": finite},
        "mark": {"type": "rule", "strokeDash": [4, 3]},
        "encoding": {axis: at},
    }
    words = []
    # Beside its line, on the side that has room.
    half = max(value["at"] for value in finite) / 2
    for i, value in enumerate(finite):
        late = value["at"] > half
        side = {"align": "right", "dx": -4} if late else {"align": "left", "dx": 4}
        place = {**side, "baseline": "top"} if axis == "x" else {"dy": -6, "align": "left"}
        # One below the other: lines may be close together.
        height = -12 if above else 2 + 13 * i
        beside = {"y": {"value": height}} if axis == "x" else {"x": {"value": 4}}
        encoding = {axis: at, "text": {"field": "is", "type": "nominal"}, **beside}
        words.append(
            {
                "data": {"values": [value]},
                "mark": {"type": "text", **place},
                "encoding": encoding,
            }
        )
    inner = {k: picture[k] for k in ("data", "mark", "encoding") if k in picture}
    outer = {k: v for k, v in picture.items() if k not in inner}
    return {**outer, "layer": [*picture.get("layer", [inner]), across, *words]}


def bars(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    x: tuple[str, str],
    y: str,
    *,
    marked: str | None = None,
) -> Picture:
    """Return a bar for each row, in their order."""
    encoding: dict[str, Any] = {
        "y": {"field": y, "type": "nominal", "sort": None, "title": None},
        "x": {"field": x[0], "type": "quantitative", "title": x[1]},
    }
    if marked is not None:
        test = {"test": {"field": y, "equal": marked}, "value": COLOURS[1]}
        encoding["color"] = {"condition": test, "value": COLOURS[0]}
    told = f"{x[1]}: " + ", ".join(f"{row[y]} {row[x[0]]:.3g}" for row in rows)
    drawn = {"mark": {"type": "bar", "color": COLOURS[0]}, "encoding": encoding}
    return {**_picture(title, rows, drawn, told), "height": {"step": 20}}


def waterfall(
    title: str, parts: Sequence[tuple[str, float, float]], x: str, what: tuple[str, str]
) -> Picture:
    """Return how parts add up: each a name and two numbers, which `what` names."""
    rows, at = [], 0.0
    for name, first, second in parts:
        for kind, number in zip(what, (first, second), strict=True):
            rows.append({"part": name, "from": at, "to": at + number, "of": kind})
            at += number
    encoding = {
        "y": {"field": "part", "type": "nominal", "sort": None, "title": None},
        "x": {"field": "from", "type": "quantitative", "title": x},
        "x2": {"field": "to"},
        "color": {
            "field": "of",
            "type": "nominal",
            "title": None,
            "scale": {"domain": list(what), "range": [COLOURS[0], COLOURS[1]]},
        },
    }
    told = f"{x}: " + ", ".join(f"{name} {a + b:.3g}" for name, a, b in parts)
    drawn = {"mark": {"type": "bar"}, "encoding": encoding}
    return {**_picture(title, rows, drawn, told), "height": {"step": 20}}


def tornado(title: str, effects: Mapping[str, float], x: str) -> Picture:
    """Return a bar to either side for each effect, in their order."""
    rows = [{"parameter": n, "effect": v, "way": v > 0} for n, v in effects.items()]
    encoding = {
        "y": {"field": "parameter", "type": "nominal", "sort": None, "title": None},
        "x": {"field": "effect", "type": "quantitative", "title": x},
        "color": {
            "field": "way",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": [True, False], "range": [COLOURS[1], COLOURS[0]]},
        },
    }
    told = f"{x}: " + ", ".join(f"{name} {v:+.2g}" for name, v in effects.items())
    drawn = {"mark": {"type": "bar"}, "encoding": encoding}
    return {**_picture(title, rows, drawn, told), "height": {"step": 20}}


def costs(
    title: str, rows: Sequence[Mapping[str, Any]], y: str, limit: tuple[float, str]
) -> Picture:
    """Return the least cost of each value as steps, with the limit across."""
    drawn = {
        "mark": {
            "type": "line",
            "interpolate": "step-after",
            "point": True,
            "color": COLOURS[0],
        },
        "encoding": {
            "x": {
                "field": "cost",
                "type": "quantitative",
                "title": "cost",
                "scale": {"zero": False},
            },
            "y": {"field": "value", "type": "quantitative", "title": y},
        },
    }
    told = ", ".join(f"{row['value']:.3g} for {row['cost']:.6g}" for row in rows)
    return marks(_picture(title, rows, drawn, f"{y}: {told}"), {limit[1]: limit[0]}, "y")


def heat_map(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    x: str,
    y: str,
    colour: tuple[str, str],
) -> Picture:
    """Return a cell for each pair of two columns, coloured by a third; orange where infinite.

    Above half as much again as the least, the colour stays the same.
    """
    cells = [{"x": row[x], "y": row[y], "value": row[colour[0]]} for row in rows]
    values = [cell["value"] for cell in cells if math.isfinite(cell["value"])] or [0.0]
    known = [c if math.isfinite(c["value"]) else {**c, "value": None} for c in cells]
    top = min(max(values), 1.5 * min(values))

    def axis(field: str, name: str) -> dict[str, Any]:
        label = {"labelExpr": "format(datum.value, '.4~r')", "labelAngle": 0}
        every = sorted({cell[field] for cell in cells}, reverse=field == "y")
        return {
            "field": field,
            "type": "ordinal",
            "title": name,
            "scale": {"domain": every},
            "axis": label,
        }

    encoding = {
        "x": axis("x", x),
        "y": axis("y", y),
        "color": {
            "condition": {"test": "datum.value === null", "value": COLOURS[1]},
            "field": "value",
            "type": "quantitative",
            "title": colour[1],
            "scale": {"scheme": "viridis", "domain": [min(values), top], "clamp": True},
        },
    }
    told = f"{colour[1]} by {x} and {y}: from {min(values):.3g} to {max(values):.3g}"
    told += f", and infinite in {len(cells) - len(values)} of {len(cells)} cells"
    mark = {"type": "rect", "invalid": None}
    return _picture(title, known, {"mark": mark, "encoding": encoding}, told)


def _picture(
    title: str, rows: Sequence[Mapping[str, Any]], drawn: Picture, told: str
) -> Picture:
    size = {"width": _WIDTH, "height": _HEIGHT}
    told = f"{title}. {told}."
    return {
        "title": title,
        "description": told,
        **size,
        "data": {"values": list(rows)},
        **drawn,
    }


def chart(answer: Answer) -> Any:
    """Return the pictures of an answer as one Altair chart."""
    try:
        import altair
    except ImportError:
        raise ModelError("plot needs Altair: pip install 'qmodel[plot]'") from None
    pictures = answer.pictures
    if not pictures:
        raise ModelError(f"the answer of {answer.question!r} has no picture")
    # Sizes in steps and colours are those of each picture.
    whole = {"vconcat": list(pictures), "resolve": {"scale": {"color": "independent"}}}
    return altair.Chart.from_dict(whole if len(pictures) > 1 else dict(pictures[0]))


_ON_A_PAGE = {
    "background": None,
    "config": {
        "view": {"stroke": None},
        "axis": {
            "labelColor": "currentColor",
            "titleColor": "currentColor",
            "domainColor": "currentColor",
            "tickColor": "currentColor",
            "gridColor": "currentColor",
            "gridOpacity": 0.15,
        },
        "legend": {"labelColor": "currentColor", "titleColor": "currentColor"},
        "title": {"color": "currentColor", "anchor": "start"},
        "rule": {"color": "currentColor"},
        "text": {"color": "currentColor"},
        "font": "sans-serif",
    },
}
"""The colours of what stands around a picture."""


def svg(pictures: Sequence[Picture]) -> list[str]:
    """Return pictures as SVG in the colours of a page; none where they cannot be drawn."""
    try:
        import vl_convert
    except ImportError:
        return []
    return [_labelled(vl_convert.vegalite_to_svg({**p, **_ON_A_PAGE}), p) for p in pictures]


def _labelled(drawn: str, picture: Picture) -> str:
    """Return an SVG that tells screen readers what it shows, and no more."""
    told = escape(picture["description"])
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{told}" ', 1)
