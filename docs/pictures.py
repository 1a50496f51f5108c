"""Draw the pictures of README.md and docs; `make docs` runs it.

``python docs/pictures.py`` writes them into docs/images, ``--png`` a PNG beside some.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

import qmodel as qm
from qmodel.answers.pictures import svg

IMAGES = Path(__file__).parent / "images"

COLOURS = {0.0: "#D55E00", 0.5: "#9C5A8C", 0.86: "#0072B2"}
"""Hit ratios and their colours, which people of all colour vision can tell apart."""

OBJECTIVE = 300.0  # ms
WIDTH, HEIGHT = 700, 360
LEAST, MOST = 60.0, 3000.0  # ms
LAST = 3900.0  # 1/s


def curves() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return mean and p99 at many loads, and capacities, of each hit ratio."""
    # Loads get denser towards saturation, where the curves are steep.
    share = np.unique(np.r_[0.0, np.linspace(0.02, 0.9, 20), 1 - np.geomspace(0.1, 2e-4, 40)])
    lines, limits = [], []
    for ratio in COLOURS:
        site = qm.web.typical_pipeline(hit_ratio=ratio)
        load = site.max_rate * share
        latency = site.solve(load).latency
        for quantity, times in (("p99", latency.quantile(0.99)), ("mean", latency.mean)):
            line = pd.DataFrame({"load": load.round(1), "time": (1e3 * times).round(2)})
            lines.append(line[line["time"] < MOST].assign(ratio=ratio, quantity=quantity))
        limits.append(
            {
                "ratio": ratio,
                "saturation": round(float(site.max_rate), 3),
                "capacity": round(float(qm.capacity(site, f"p99 < {OBJECTIVE:g} ms")), 3),
                "bottleneck": site.bottleneck,
            }
        )
    return pd.concat(lines, ignore_index=True), pd.DataFrame(limits)


def latency_by_load() -> alt.TopLevelMixin:
    """Return the chart of latency against load, by hit ratio."""
    lines, limits = curves()
    colour = alt.Color(
        "ratio:N",
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        legend=None,
    )
    load = alt.X(
        "load:Q",
        scale=alt.Scale(domain=[0, LAST], nice=False),
        axis=alt.Axis(
            title="load, requests/s", values=list(range(0, 4000, 500)), grid=False, format=",d"
        ),
    )
    time = alt.Y(
        "time:Q",
        scale=alt.Scale(type="log", domain=[LEAST, MOST], nice=False),
        axis=alt.Axis(
            title="latency, ms (log scale)",
            values=[100, 200, 300, 500, 1000, 2000],
            format=",d",
        ),
    )

    def line(chosen: pd.DataFrame, **mark: object) -> alt.Chart:
        return alt.Chart(chosen).mark_line(**mark).encode(load, time, colour, detail="ratio:N")

    p99, mean = (lines[lines["quantity"] == q] for q in ("p99", "mean"))
    drawn = [line(mean, strokeWidth=1.2, opacity=0.8), line(p99, strokeWidth=3)]

    ends = limits.drop_duplicates("saturation").copy()
    ends["low"], ends["high"] = LEAST, MOST
    ends["place"] = ends["saturation"] + 28
    ends["text"] = [
        f"{name} saturates at {rate:,.0f}/s"
        for name, rate in zip(ends["bottleneck"], ends["saturation"], strict=True)
    ]
    asymptotes = (
        alt.Chart(ends)
        .mark_rule(strokeDash=[2, 3], color="#777")
        .encode(alt.X("saturation:Q"), y="low:Q", y2="high:Q")
    )
    asymptote_names = (
        alt.Chart(ends)
        .mark_text(angle=270, align="right", baseline="top", dx=-4, color="#555", fontSize=11)
        .encode(alt.X("place:Q"), alt.Y("high:Q"), alt.Text("text:N"))
    )

    limit = pd.DataFrame({"time": [OBJECTIVE], "load": [LAST], "text": ["objective:"]})
    objective = alt.Chart(limit).mark_rule(strokeDash=[6, 4], color="#222").encode(y="time:Q")
    written = limit.assign(text=f"p99 < {OBJECTIVE:g} ms")
    objective_name = [
        alt.Chart(part)
        .mark_text(align="right", dy=dy, color="#222", fontSize=12)
        .encode(load, time, alt.Text("text:N"))
        for part, dy in ((limit, -24), (written, -9))
    ]

    # Each curve is named at its upper end.
    named = limits.assign(
        load=limits["capacity"],
        time=1000.0,
        text=[f"hit ratio {r:.0%}" if r == 0 else f"{r:.0%}" for r in limits["ratio"]],
    )
    named["text"] = named["text"].str.replace("%", " %")
    names = (
        alt.Chart(named)
        .mark_text(align="right", dx=-8, fontSize=14, fontWeight="bold")
        .encode(load, time, colour, alt.Text("text:N"))
    )
    carried = named.drop_duplicates("saturation").assign(time=OBJECTIVE)
    carried["text"] = [f"meets it up to {c:,.0f}/s" for c in carried["capacity"]]
    met = (
        alt.Chart(carried)
        .mark_point(filled=True, size=70, opacity=1)
        .encode(load, time, colour)
    )
    carrying = (
        alt.Chart(carried)
        .mark_text(align="right", dx=-10, dy=-9, fontSize=11)
        .encode(load, time, colour, alt.Text("text:N"))
    )

    kinds = pd.DataFrame({"load": [40.0, 40.0], "time": [216.0, 78.0], "text": ["p99", "mean"]})
    kind_names = (
        alt.Chart(kinds)
        .mark_text(align="left", color="#222", fontSize=13, fontWeight="bold")
        .encode(load, time, alt.Text("text:N"))
    )
    layers = [asymptotes, asymptote_names, objective, *objective_name, *drawn]
    layers += [met, names, carrying, kind_names]
    return (
        alt.layer(*layers)
        .properties(width=WIDTH, height=HEIGHT, background="white", padding=10)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12, titleFontSize=13, titleFontWeight="normal")
        .configure_axisY(gridColor="#e6e6e6")
    )


def gallery() -> dict[str, str]:
    """Return the pictures of docs/gallery.md as SVG, by the name of their file."""
    site, goal = qm.web.typical_pipeline(), "p99 < 300 ms"
    over = {
        "arrival_rate": "500:4000:8",
        "cache.hit_ratio": [0, 0.3, 0.5, 0.7, 0.8, 0.86, 0.95],
    }
    database = qm.Pipeline(qm.call("db", qm.MMc(0.005, servers=5)))
    crowd = qm.transients.pulse(80_000, 120.0, base=300.0, until=360.0)
    asked = {
        ("load", "time"): qm.answers.solve(site, 2000.0, objectives=goal),
        ("sweep",): qm.answers.sweep(site, over),
        ("cost",): qm.answers.size(site, 2000.0, objectives=goal),
        ("losses",): qm.answers.outages(site, 2000.0, objectives=goal),
        ("tornado",): qm.answers.sensitivity(site, 2000.0),
        ("crowd_load", "crowd_latency", "crowd_backlog"): qm.answers.crowd(
            database, crowd, objectives="p99 < 1 s"
        ),
    }
    drawn = {"gallery_map": site.draw(2000.0).svg()}
    for names, answer in asked.items():
        for name, picture in zip(names, svg(answer.pictures), strict=False):
            drawn[f"gallery_{name}"] = picture
    # As files they stand on white, whatever the page has.
    return {n: x.replace("<svg ", '<svg style="background:#fff;color:#1a1a1a" ', 1)
            for n, x in drawn.items()}  # fmt: skip


def goodput_by_load() -> alt.TopLevelMixin:
    """Return the chart of several steady states: goodput against load, up and back."""
    app = qm.timeout(0.5, qm.call("app", qm.MMc(0.1, servers=8)))
    site = qm.Pipeline(qm.retry(app, attempts=3, pause=0.1))
    picture = qm.answers.hysteresis(site, 60.0).pictures[0]
    return alt.Chart.from_dict({**picture, "background": "white", "padding": 10})


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--png", action="store_true", help="write a PNG too, to look at")
    chosen = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    for name, drawn in gallery().items():
        (IMAGES / f"{name}.svg").write_text(drawn)
    for draw in (latency_by_load, goodput_by_load):
        draw().save(str(IMAGES / f"{draw.__name__}.svg"))
        if chosen.png:
            draw().save(str(IMAGES / f"{draw.__name__}.png"), ppi=144)


if __name__ == "__main__":
    main()
