"""The tutorial as a stranger follows it: its commands are run, its lines are written, and the table is computed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headline import cli
from headline.demo import datashare
from headline.demo.company import Company
from headline.errors import HeadlineError
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.pipeline import PipelineRun, ingest, write_audit_publish
from headline.rules.report import check, find_folders
from headline.settings import PROJECT
from headline.specs import Source, load
from headline.warehouse import Warehouse

PAGE = (PROJECT / "docs" / "tutorial.md").read_text()
# A command of our own, or a block of lines with the file that they belong into.
STEP = re.compile(
    r"^ {4}\.venv/bin/headline (?P<command>[^\n]*?)(?: {2,}# [^\n]*)?$"
    r"|^`(?P<file>[^`\n]+)`(?:, (?P<how>in place of|below)(?: the first)? `(?P<place>[^`]+)`)?:\n\n```\w+\n(?P<lines>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# These need Airflow, which tests of their own have, or make nothing.
NOT_HERE = ("unpause", "trigger", "query")
MOST_LINES = 60
FIRST = date(2026, 3, 2)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Path:
    """A copy of what a repository has of pipelines, with files of an app of the demo company."""
    for name in ("include", "dags", "docs/alerts"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADLINE_START_DATE", str(FIRST))
    monkeypatch.setattr("headline.runbooks.CODEOWNERS", tmp_path / "CODEOWNERS")
    monkeypatch.setattr("headline.runbooks.ALERT_PAGES", tmp_path / "docs" / "alerts")
    share = json.dumps({"conn_type": "fs", "extra": {"path": f"file://{tmp_path}/share"}})
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", share)
    forget_settings()
    return tmp_path


def written(text: str, how: str | None, place: str, lines: str) -> str:
    """A file with the lines of a block where the page says that they belong."""
    if how is None:
        return lines
    found = next(line for line in text.splitlines(keepends=True) if place in line)
    return text.replace(found, lines if how == "in place of" else f"{found}\n{lines}", 1)


def follow(root: Path, forget: Callable[[], None]) -> int:
    """Do what the page says, and give back how many lines were written by hand."""
    count = 0
    for step in STEP.finditer(PAGE):
        forget()
        if command := step["command"]:
            words = shlex.split(command)
            if words[0] in NOT_HERE:
                continue
            result = CliRunner().invoke(cli.app, words)
            if isinstance(result.exception, HeadlineError) and words[0] in ("check", "runbooks"):
                continue  # what is left is told on the way
            assert result.exception is None, (command, result.output, result.exception)
        else:
            file = root / step["file"]
            count += len(step["lines"].splitlines())
            file.write_text(written(file.read_text(), step["how"], step["place"], step["lines"]))
    forget()
    return count


def test_a_stranger_adds_a_pipeline(
    repository: Path, ledger: Ledger, warehouse: Warehouse, forget_settings: Callable[[], None]
) -> None:
    assert 20 < follow(repository, forget_settings) <= MOST_LINES
    [(_, faults)] = check(find_folders("engagement/platform_sessions")).items()
    assert faults == []  # the golden case included
    datashare.drop(repository / "share", FIRST, FIRST + DAY, Company(first_day=FIRST, lines_on_first_day=60))
    catalog = load()
    for name in ("app", "core_app", "platform_sessions"):
        days = Interval(FIRST, FIRST + DAY) if name != "app" else Interval(FIRST, FIRST + 2 * DAY)
        run = PipelineRun(catalog.pipelines[name], name, days, catalog, ledger, warehouse)
        if isinstance(run.pipeline, Source):
            ingest(run)
        write_audit_publish(run)
    with warehouse.session() as session:
        found = session.query(
            "select ds, platform, session_count, active_users, session_minutes from engagement.sessions_by_platform"
        ).rows
        expected = session.query(
            "select ds, platform, count(*), count(distinct user_id), sum(session_minutes) from core.sessions group by all"
        ).rows
    assert sorted(found) == sorted(expected)
    assert {row[1] for row in found} == {"ios", "android", "web"}


def test_every_step_of_the_page_is_followed() -> None:
    """A block that is told otherwise would be passed over."""
    blocks = len(re.findall(r"^```\w+$", PAGE, re.MULTILINE))
    assert blocks == sum(step["file"] is not None for step in STEP.finditer(PAGE))
    assert len(re.findall(r"^    \.venv/bin/headline ", PAGE, re.MULTILINE)) == sum(
        step["command"] is not None for step in STEP.finditer(PAGE)
    )
