"""Every command takes a file, answers in every form, and an option means one thing."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from qmodel import cli
from qmodel.cli import numbers
from qmodel.cli.app import app
from qmodel.cli.model import asked

CONTEXT = click.Context(app)
COMMANDS: dict[str, Any] = {
    name: app.get_command(CONTEXT, name) for name in app.list_commands(CONTEXT)
}
MAKES_FILES = {"init", "schema", "report"}
ROOT = Path(__file__).resolve().parents[2]
OWN_MEANING = {
    ("check", "--scenario"), ("check", "--format"), ("report", "--output"),
    ("schema", "--output"), ("explain", "--output"), ("calibrate", "--output"),
    ("replay", "--unit"),
}  # fmt: skip
"""Options that take more, or less, than those of their name elsewhere."""


def options(command: str) -> dict[str, Any]:
    """Return the options and arguments of a command, by name."""
    return {max(p.opts, key=len): p for p in COMMANDS[command].params}


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - MAKES_FILES))
def test_every_question_takes_a_file_and_is_answered_in_every_form(command: str) -> None:
    known = options(command)
    assert {"file", "files", "words", "model"} & set(known), known
    assert "--format" in known
    assert "--output" in known
    if "--objective" in known:
        assert known["--objective"].multiple


def test_every_module_with_a_command_is_one() -> None:
    modules = {
        p.stem for p in Path(cli.__path__[0]).glob("*.py") if "\ndef command(" in p.read_text()
    }
    assert modules == set(COMMANDS)
    assert all(command.name == name for name, command in COMMANDS.items())


def test_what_is_misspelt_is_refused_with_the_nearest() -> None:
    wrong = CliRunner().invoke(app, ["slove"])
    assert wrong.exit_code == 2
    assert "No such command 'slove'. Did you mean 'solve'?" in wrong.stderr
    wrong = CliRunner().invoke(app, ["solve", "--formt", "json"])
    assert wrong.exit_code == 2
    assert "No such option '--formt'" in wrong.stderr
    assert "'--format'" in wrong.stderr


@pytest.mark.parametrize("command", ["", "sweep", "replay", "calibrate", "backtest"])
def test_what_needs_words_shows_its_help_without_any(command: str) -> None:
    done = CliRunner().invoke(app, command.split(), prog_name="qmodel")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Usage: qmodel {command}".strip())


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("s", ["solve", "size", "sweep", "sensitivity", "schema"]),
        ("solve --th", ["--think-time"]),
        ("check --format j", ["json", "junit"]),
    ],
)
def test_the_shell_completes(words: str, completed: list[str]) -> None:
    asked_for = {"COMP_WORDS": f"qmodel {words}", "COMP_CWORD": str(len(words.split()))}
    env = {"_QMODEL_COMPLETE": "bash_complete", **asked_for}
    done = CliRunner().invoke(app, prog_name="qmodel", env=env)
    assert [line.partition(",")[2] for line in done.output.splitlines()] == completed


def test_an_option_means_the_same_everywhere() -> None:
    said = defaultdict(lambda: defaultdict(list))
    for command in COMMANDS:
        for name, option in options(command).items():
            if name.startswith("--") and (command, name) not in OWN_MEANING:
                said[name][(option.metavar, option.help)].append(command)
    several = {
        name: sorted(commands for commands in ways.values())
        for name, ways in said.items()
        if len(ways) > 1 and sum(map(len, ways.values())) > len(ways)
    }
    assert not several


def test_a_file_says_what_it_lacks(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("station: {MMc: 4 ms}\n")
    done = CliRunner().invoke(app, ["check", str(site)])
    assert done.exit_code == 2
    assert "says no load" in done.output
    assert asked(site).load is None
    assert numbers.rate("90k/min") == 1500.0


def test_the_workflow_of_the_page_gates_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "how-to" / "your-own-site-in-a-file.md").read_text()
    written = re.search(r"```yaml\n(on:.*?)```", page, flags=re.DOTALL)
    assert written is not None
    workflow = YAML(typ="safe").load(written[1])
    steps = [
        step["run"]
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    commands = [
        line.split()[1:] for step in steps for line in step.splitlines()
        if line.startswith("qmodel ")
    ]  # fmt: skip
    assert len(commands) >= 2
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    for words in commands:
        asked_for = words[: words.index(">>")] if ">>" in words else words
        done = CliRunner().invoke(app, asked_for)
        assert done.exit_code == 0, (words, done.output)
    assert (tmp_path / "check.xml").read_text().startswith("<?xml")
    missed = CliRunner().invoke(app, ["check", "site.yaml", "--scenario", "a zone lost"])
    assert missed.exit_code == 99
    wrong = CliRunner().invoke(app, ["check", "site.yaml", "--objective", "p99 of ap < 3 s"])
    assert wrong.exit_code == 2


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        ("solve --rate 5ms", "--rate: expected a rate such as '1200/s', got '5ms'"),
        ("solve --rate 50%", "--rate: expected a rate such as '1200/s', got '50%'"),
        ("solve --users 9 --think-time 3/s", "--think-time: expected a time such as '5 ms'"),
        ("solve --users many", "--users: expected a number without a unit"),
        ("balance --service-time 3/s", "--service-time: expected a time such as '5 ms'"),
        ("size --headroom 5ms", "--headroom: expected a number without a unit"),
    ],
)
def test_a_number_of_another_kind_is_refused_by_its_option(asked_for: str, said: str) -> None:
    done = CliRunner().invoke(app, asked_for.split())
    assert done.exit_code == 2
    assert said in done.output
    assert numbers.rate("1200") == 1200.0  # One alone is in the base unit.
