"""Leaves the programs of the lab to who runs them: they are no tests."""

from __future__ import annotations

collect_ignore = ["application.py", "load.py", "measure.py", "scenarios.py", "servers.py"]
