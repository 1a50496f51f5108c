"""Tables of errors: points are simulated once, and what the library is off is computed anew."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BATCHES = 20
LINE = 97  # characters of a line of code, with its end
PROBABILITIES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
QUANTITIES = ("mean", *PROBABILITIES)


def by_batches(times: np.ndarray) -> list[tuple[float, float]]:
    """Return mean and percentiles and their standard errors, by means of batches."""
    found = []
    for of in (np.mean, *(lambda x, p=p: np.quantile(x, p) for p in PROBABILITIES.values())):
        each = [float(of(part)) for part in np.array_split(times, BATCHES)]
        found.append((float(of(times)), float(np.std(each, ddof=1) / np.sqrt(BATCHES))))
    return found


def of_distribution(time: Any) -> list[float]:
    """Return mean and percentiles of a distribution."""
    return [float(time.mean), *(float(time.quantile(p)) for p in PROBABILITIES.values())]


@dataclass(frozen=True)
class ErrorTable:
    """A table of points, its page and the module that labels read."""

    table: Path
    module: Path
    subject: str
    head: str
    points: Sequence[Any]
    named: Callable[[Any], str]
    computed: Callable[[Any], list[float]]
    simulated: Callable[[Any, int, int], list[tuple[float, float]]]
    group: Callable[[Any], str] = lambda point: ""
    quantities: Sequence[str] = QUANTITIES
    of_point: Callable[[Any], Sequence[str]] | None = None
    """Which of them a point has; by default all."""
    least: float = 0.0
    noisiest: float = np.inf
    """Simulated values up to the one, and errors of them from the other on, are no figures."""
    solved_groups: bool = False
    """Whether the group of a point takes a solution to know, and is stored in the table."""
    uncounted: Callable[[list[dict[str, str]]], set[tuple[str, str]]] = lambda table: set()
    """Stations and quantities that no label counts."""
    medians: bool = False
    """Whether the medians of the errors are stated too."""
    shown_by: str = "simulations show"
    """What the values are that the library is compared with."""

    def has(self, point: Any) -> Sequence[str]:
        """Return the quantities of a point."""
        return self.quantities if self.of_point is None else self.of_point(point)

    @property
    def path_of_page(self) -> Path:
        """Where the page is."""
        return self.table.with_suffix(".md")

    def rows(self, requests: int) -> Iterator[dict[str, Any]]:
        """Yield the rows: the simulated value, its error and that of the library."""
        for seed, point in enumerate(self.points):
            yield from self.at(point, requests, seed)

    def at(self, point: Any, requests: int, seed: int) -> Iterator[dict[str, Any]]:
        """Yield the rows of one point."""
        seen = self.simulated(point, requests, seed)
        for name, value, (exact, error) in zip(
            self.has(point), self.computed(point), seen, strict=True
        ):
            if exact <= self.least or error >= self.noisiest * exact:
                continue
            row = {
                "stations": self.named(point), "quantity": name, "simulated": f"{exact:.6g}",
                "standard_error_percent": f"{100 * error / exact:.2f}",
                "error_percent": f"{100 * (value / exact - 1):+.2f}",
            }  # fmt: skip
            row |= self._stored_group(point)
            yield row
            print(*row.values(), flush=True)

    def _stored_group(self, point: Any) -> dict[str, str]:
        return {"group": self.group(point)} if self.solved_groups else {}

    def read(self) -> list[dict[str, str]]:
        """Return the rows as they are stored."""
        with self.table.open(newline="") as file:
            return list(csv.DictReader(file))

    def measured_again(self, requests: int) -> Iterator[dict[str, Any]]:
        """Yield the rows with the errors that the library has now; new points are simulated."""
        stored = {(row["stations"], row["quantity"]): row for row in self.read()}
        known = {stations for stations, _ in stored}
        for seed, point in enumerate(self.points):
            if self.named(point) not in known:
                yield from self.at(point, requests, seed)
                continue
            for name, value in zip(self.has(point), self.computed(point), strict=True):
                if (self.named(point), name) in stored or self.noisiest == np.inf:
                    row = stored[self.named(point), name]
                    error = 100 * (value / float(row["simulated"]) - 1)
                    new = {"error_percent": f"{error:+.2f}"}
                    yield row | new | self._stored_group(point)

    def established(self, table: list[dict[str, str]]) -> dict[str, dict[str, int]]:
        """Return the largest errors of each group, in whole percent, rounded up.

        What a standard error of a simulation explains is no error.
        """
        found = self._by_group(table)
        worst = {group: dict.fromkeys(self.quantities, 1) for group in found}
        for group, errors in found.items():
            for quantity, each in errors.items():
                worst[group][quantity] = max(1, int(np.ceil(max(each))))
        if self.medians:
            for group, errors in found.items():
                worst[f"{group}, median"] = {
                    quantity: max(1, int(np.ceil(np.median(errors[quantity]))))
                    for quantity in self.quantities
                    if quantity in errors
                }
        return worst

    def _by_group(self, table: list[dict[str, str]]) -> dict[str, dict[str, list[float]]]:
        """Return what errors are above the standard errors, by group and quantity."""
        if self.solved_groups:
            groups = {row["stations"]: row["group"] for row in table}
        else:
            groups = {self.named(point): self.group(point) for point in self.points}
        found: dict[str, dict[str, list[float]]] = {group: {} for group in groups.values()}
        uncounted = self.uncounted(table)
        for row in table:
            if (row["stations"], row["quantity"]) not in uncounted:
                error = abs(float(row["error_percent"])) - float(row["standard_error_percent"])
                of = found[groups[row["stations"]]].setdefault(row["quantity"], [])
                of.append(max(error, 0.0))
        return found

    def page(self, table: list[dict[str, str]]) -> str:
        """Return the page of all errors."""
        names = self.quantities
        lines = ["| stations | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for stations in dict.fromkeys(row["stations"] for row in table):
            mine = [row for row in table if row["stations"] == stations]
            errors = {row["quantity"]: f"{float(row['error_percent']):+.1f}" for row in mine}
            cells = " | ".join(errors.get(name, "") for name in names)
            lines.append(f"| {stations} | {cells} |")
        noise = "A label leaves out of each error the standard error of its simulation.\n\n"
        return self.head + noise + "\n".join([*self._summary(table), *lines, ""])

    def _summary(self, table: list[dict[str, str]]) -> list[str]:
        """Return the largest errors by group, where a label has them by what it rests on."""
        if not self.solved_groups:
            return []
        names = self.quantities
        lines = ["| largest | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for group, errors in self.established(table).items():
            cells = " | ".join(str(errors.get(name, "")) for name in names)
            lines.append(f"| {group} | {cells} |")
        return [*lines, ""]

    def written(self, worst: dict[str, dict[str, int]]) -> str:
        """Return the module that the labels read."""
        script = f"docs/{self.table.stem.replace('-', '_')}.py"
        lines = []
        for group, errors in worst.items():
            inner = ", ".join(f'"{quantity}": {error}' for quantity, error in errors.items())
            line = f'    "{group}": {{{inner}}},\n'
            if len(line) > LINE:
                each = "".join(f"        {x},\n" for x in inner.split(", "))
                line = f'    "{group}": {{\n{each}    }},\n'
            lines.append(line)
        return (
            f'"""Largest errors of {self.subject} that {self.shown_by}, in percent.\n\n'
            f"Written by {script} from its table of all points.\n"
            '"""\n\nfrom __future__ import annotations\n\n__all__ = ["WORST"]\n\n'
            f"WORST: dict[str, dict[str, int]] = {{\n{''.join(lines)}}}\n"
        )

    def main(self, requests: int) -> None:
        """Write the table, the page and the module."""
        what = sys.argv[1] if len(sys.argv) > 1 else str(requests)
        again = what == "again"
        found = list(self.measured_again(requests) if again else self.rows(int(what)))
        with self.table.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
        self.path_of_page.write_text(self.page(found))
        self.module.write_text(self.written(self.established(found)))
