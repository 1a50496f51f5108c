"""Units: what people write is what is meant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmodel import units
from qmodel.errors import DomainError
from qmodel.units import parse, text


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5ms", 0.005), ("5 ms", 0.005), ("1.5 s", 1.5), ("250us", 250e-6), ("250 µs", 250e-6),
        ("80 ns", 80e-9), ("2min", 120.0), ("1 h", 3600.0), ("1 day", 86400.0),
        ("3 minutes", 180.0),
        ("1200/s", 1200.0), ("18k/min", 300.0), ("1.2k rps", 1200.0), ("60 rpm", 1.0),
        ("100 req/s", 100.0), ("100 requests/s", 100.0), ("3600/h", 1.0),
        ("2M/day", 2e6 / 86400),
        ("2 GiB", 2.0 * 2**30), ("4kB", 4000.0), ("512 B", 512.0), ("70%", 0.7), ("3k", 3000.0),
        ("0.3", 0.3), (".5", 0.5), ("1e-3 s", 0.001), ("1_000", 1000.0), ("-2", -2.0),
        ("inf", math.inf),
    ],
)  # fmt: skip
def test_parse(written: str, value: float) -> None:
    assert parse(written) == pytest.approx(value, rel=1e-15)


def test_numbers_pass() -> None:
    assert parse(3) == 3.0
    assert isinstance(parse(3), float)
    assert math.isnan(parse("nan"))


@pytest.mark.parametrize(
    "written", ["", "fast", "5 mss", "5 furlongs", "1/fortnight", "5 ms 3", "--3"]
)
def test_what_cannot_be_read(written: str) -> None:
    with pytest.raises(DomainError):
        parse(written)


def test_errors_help() -> None:
    with pytest.raises(
        DomainError, match=r"unknown unit 'mss' in '5 mss'; did you mean 'ms'\?"
    ):
        parse("5 mss")
    with pytest.raises(
        DomainError, match="expected a number with a unit, such as '5 ms', got 'fast'"
    ):
        parse("fast")


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.0413, "s", "41.3 ms"), (0.00042, "s", "420 µs"), (75.0, "s", "75 s"),
        (0.0, "s", "0 s"),
        (1e-9, "s", "0.001 µs"), (18500.0, "1/s", "18.5k/s"), (2.5e6, "1/s", "2500k/s"),
        (3.2, "1/s", "3.2/s"), (0.731, "%", "73.1 %"), (8.0, "-", "8"), (math.inf, "s", "inf"),
        (math.nan, "s", "nan"), (2048.0, "B", "2048 B"), (1234.0, "-", "1234"),
        (100.0, "%", "10000 %"),
    ],
)  # fmt: skip
def test_text(value: float, unit: str, written: str) -> None:
    assert text(value, unit) == written


@given(st.floats(1e-6, 1e4), st.integers(3, 8))
def test_what_is_written_reads_back(value: float, digits: int) -> None:
    """To the digits asked for, where the smallest unit has them."""
    assert parse(text(value, "s", digits=digits)) == pytest.approx(
        value, rel=10 ** (1 - digits)
    )
    assert parse(text(value, "1/s", digits=digits)) == pytest.approx(
        value, rel=10 ** (1 - digits)
    )


def test_multipliers() -> None:
    assert units.hour == 60 * units.minute == 3600 * units.s
    assert units.s == 1e3 * units.ms
    assert units.GiB == 1024 * units.MiB == 1024**2 * units.KiB
