"""One line at the end of a run: how many reference cases pass."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    def count(outcome: str) -> int:
        reports = terminalreporter.getreports(outcome)
        return sum("test_reference.py::test_case[" in getattr(r, "nodeid", "") for r in reports)

    passed, failed = count("passed"), count("failed") + count("xfailed")
    if passed + failed:
        terminalreporter.write_line(f"reference: {passed} of {passed + failed} cases pass")
