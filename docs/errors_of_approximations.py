"""Measures the named approximations of the mean wait in GI/G/c against exact solutions.

    python docs/errors_of_approximations.py

writes docs/reference/errors-of-approximations.md and
qmodel/queues/approximations/ggc_errors.py, from which
`qmodel.queues.approximations.methods` takes its error estimates. The exact values are those of
tests/oracle/qbd.py (PH/PH/c) and of M/D/c.
Points where fewer than one request in a thousand waits are left out: there a relative error of
the wait means nothing.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from qmodel.queues import mdc
from qmodel.queues.approximations import interpolated_waits as interpolated
from qmodel.queues.approximations import kingman
from qmodel.queues.approximations import scaled_waits as scaled
from qmodel.queues.approximations.combined_wait import combined

ROOT = Path(__file__).parents[1]

FORMULAS = {
    "combined": combined,
    "kimura": interpolated.kimura,
    "page": interpolated.page,
    "cosmetatos": interpolated.cosmetatos,
    "whitt": scaled.whitt,
    "kraemer_langenbach_belz": scaled.kraemer_langenbach_belz,
    "allen_cunneen": scaled.allen_cunneen,
    "kingman": kingman.kingman,
}
POISSON_ONLY = ("kimura", "page", "cosmetatos")

CLASSES = {"below 1": (0.5, 0.25), "1": (1.0,), "1 to 4": (2.0, 4.0), "above 4": (9.0,)}
SERVERS = {"1": (1,), "2 to 6": (2, 5), "more": (10, 30)}
LOADS = (0.5, 0.8, 0.95)


def oracle() -> ModuleType:
    """Return the exact solver, which is no part of the package."""
    spec = importlib.util.spec_from_file_location(
        "oracle_qbd", ROOT / "tests" / "oracle" / "qbd.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def distribution(qbd: ModuleType, scv: float) -> Any:
    """Return the distribution with this SCV: Erlang, or a balanced hyperexponential one."""
    return qbd.hyperexponential(scv) if scv > 1 else qbd.erlang(round(1 / scv))


def exact(
    qbd: ModuleType, load: float, servers: int, arrival: float, service: float
) -> tuple[float, float]:
    """Return the exact mean wait and probability of waiting."""
    if service == 0:
        wait = mdc.MDc(1.0, servers).solve(load * servers).wait
        assert wait is not None
        return float(wait.mean), float(wait.tail(0.0))
    s = qbd.solve(
        distribution(qbd, arrival), distribution(qbd, service), servers, load * servers
    )
    return s.waiting_time, s.wait_probability


def measured(
    qbd: ModuleType,
    arrivals: tuple[float, ...],
    services: tuple[float, ...],
    few: tuple[int, ...],
) -> Iterator[tuple[float, dict[str, list[float]]]]:
    """Yield, for each load, the relative errors of every formula over a class of points."""
    for load in LOADS:
        errors: dict[str, list[float]] = {name: [] for name in FORMULAS}
        for arrival in arrivals:
            for service in (*services, *((0.0,) if arrival == 1 and 0.5 in services else ())):
                for servers in few:
                    if service == 0.25 and servers > 5:
                        continue  # four phases on many servers have too many states
                    wait, probability = exact(qbd, load, servers, arrival, service)
                    if probability < 1e-3:
                        continue
                    for name, formula in FORMULAS.items():
                        if name in POISSON_ONLY and arrival != 1:
                            continue
                        got = formula(
                            load * servers,
                            1.0,
                            servers=servers,
                            arrival_scv=arrival,
                            service_scv=service,
                        )
                        errors[name].append(float(got) / wait - 1)
        yield load, errors


def worst(errors: list[float]) -> float | None:
    """Return the error that is largest in size, with its sign, in parts of one."""
    return max(errors, key=abs) if errors else None


HEAD = """# Errors of the approximations

The named approximations of the mean wait in GI/G/c against exact solutions: the error that is
largest in size over each class of points, in percent. Positive is too long. Times between
arrivals and service times are Erlang below a squared coefficient of variation (SCV) of 1 (0.5
and 0.25; 0 is constant service behind Poisson arrivals), hyperexponential with balanced means
above (2 and 4; 9). "2 to 6" servers are 2 and 5, "more" are 10 and 30. Where fewer than one
request in a thousand waits nothing is compared. Other distributions with the same two moments
can be as far off again: with an SCV of 4, two service distributions differ by a factor of up to
1.6.

Written by `python docs/errors_of_approximations.py`.
"""

MODULE = '''"""Largest errors of the approximate mean waits in GI/G/c, over classes of points.

Written by docs/errors_of_approximations.py: measured against exact solutions, in parts of one.
Of each class of SCVs (arrivals, service) and servers, the errors at loads 0.5, 0.8 and 0.95.
"""

from __future__ import annotations

# ruff: noqa: E501

__all__ = ["ERRORS", "LOADS"]

LOADS = {loads}
NAN = float("nan")

ERRORS: dict[tuple[str, str, str], dict[str, tuple[float, ...]]] = {{
{rows}
}}  # fmt: skip
'''


def main() -> None:
    """Write the page and the table."""
    qbd = oracle()
    page, rows = [HEAD], []
    for arrival, arrivals in CLASSES.items():
        page.append(f"\n## SCV of the interarrival times: {arrival}\n")
        names = [n for n in FORMULAS if arrival == "1" or n not in POISSON_ONLY]
        titles = [n.replace("_", " ") for n in names]
        page.append("| SCV of service | servers | load | " + " | ".join(titles) + " |")
        page.append("|---|---|---|" + "---|" * len(names))
        for service, services in CLASSES.items():
            for servers, few in SERVERS.items():
                found: dict[str, list[float]] = {n: [] for n in names}
                for load, errors in measured(qbd, arrivals, services, few):
                    largest = {n: worst(errors[n]) for n in names}
                    cells = ["" if e is None else f"{100 * e:+.1f}" for e in largest.values()]
                    row = " | ".join([service, servers, f"{load:g}", *cells])
                    page.append(f"| {row} |")
                    for n, e in largest.items():
                        found[n].append(float("nan") if e is None else abs(e))
                text = ", ".join(
                    f'"{n}": ({", ".join(_number(e) for e in found[n])})' for n in names
                )
                rows.append(f'    ("{arrival}", "{service}", "{servers}"): {{{text}}},')
    path = ROOT / "docs" / "reference" / "errors-of-approximations.md"
    path.write_text("\n".join(page) + "\n")
    table = MODULE.format(loads=LOADS, rows="\n".join(rows))
    (ROOT / "qmodel" / "queues" / "approximations" / "ggc_errors.py").write_text(table)


def _number(e: float) -> str:
    return "NAN" if e != e else f"{e:.3f}"


if __name__ == "__main__":
    main()
