"""Every runbook is whole and up to date, and what it asks somebody to paste at night works."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests.repository.commands import command_faults, commands
from tests.repository.written import ROOT, forget

from headline import specs
from headline.incidents.kinds import KINDS
from headline.runbooks import ALERT_PAGES, alert_faults, faults
from headline.specs import Pipeline

RUNBOOKS = sorted((ROOT / "include/sql").glob("*/*/RUNBOOK.md"))
ALERTS = sorted(ALERT_PAGES.glob("*.md"))


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of include, to be broken."""
    shutil.copytree(ROOT / "include", tmp_path / "include")
    shutil.copytree(ALERT_PAGES, tmp_path / "docs/alerts")
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    monkeypatch.delenv("HEADLINE_SOURCES", raising=False)
    forget()
    yield tmp_path / "include/sql"
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize("pipeline", specs.load().pipelines.values(), ids=lambda pipeline: pipeline.id)
def test_runbooks_are_whole_and_up_to_date(pipeline: Pipeline) -> None:
    assert list(faults(pipeline, specs.load())) == []


@pytest.mark.parametrize("file", [*RUNBOOKS, *ALERTS], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_is_to_be_pasted_works(file: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    found = commands(file.read_text())
    assert found
    assert [fault for words in found for fault in command_faults(words, specs.load(), warehouse)] == []


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("headline unpublish core_shop", "unpublish core_shop: there is no such command"),
        ("psql ledger", "psql ledger: there is no such command"),
        ("headline trigger shop --since 2026-11-18", "No such option: --since"),
        ("headline retry", "there is no such command: Missing parameter: pipeline"),
        ("headline trigger shop core_stock --from 2026-11-18", "there is no pipeline core_stock"),
        ("headline audits core.stock", "there is no table core.stock"),
        ('headline query "select no_such_column from core.order_lines"', "no_such_column"),
    ],
)
def test_a_command_that_would_not_work_is_caught(command: str, fault: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    [words] = commands(f"1. Do this:\n\n   ```bash\n   {command}\n   ```\n")
    assert fault in "\n".join(command_faults(words, specs.load(), warehouse))


BROKEN = [
    ("RUNBOOK.md", "## Look at the data", "## Look", "has the headings On call, Look, What can go wrong"),
    ("RUNBOOK.md", "### no refund comes before its order", "### refunds", "a section «refunds», but no check is called so"),
    ("RUNBOOK.md", "by **03:00 UTC**", "by **05:00 UTC**", "the part «facts» is stale: run `headline runbooks`"),
    ("RUNBOOK.md", "<!-- generated: data -->", "<!-- generated: dates -->", "has no part <!-- generated: data -->"),
    (
        "RUNBOOK.md",
        "../core_finance/RUNBOOK.md",
        "../core_money/RUNBOOK.md",
        "links to ../core_money/RUNBOOK.md, which does not exist",
    ),
    (
        "refund_lines.contract.yml",
        "no refund comes before its order",
        "refunds come after",
        "a section «no refund comes before its order», but",
    ),
    ("refund_lines.contract.yml", "The shop's number of the refund", "Its number", "the part «data» is stale"),
    ("pipeline.yml", 'lands_at: "03:00"', 'lands_at: "05:00"', "the part «facts» is stale"),
]


@pytest.mark.parametrize(("name", "old", "new", "fault"), BROKEN, ids=[fault for *_, fault in BROKEN])
def test_a_broken_runbook_is_caught(copied: Path, name: str, old: str, new: str, fault: str) -> None:
    file = copied / "core/core_shop" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    catalog = specs.load()
    assert fault in "\n".join(faults(catalog.pipelines["core_shop"], catalog))


def test_a_copy_that_is_not_broken_is_not_caught(copied: Path) -> None:
    catalog = specs.load()
    assert catalog.pipelines["core_shop"].folder.is_relative_to(copied)
    assert list(faults(catalog.pipelines["core_shop"], catalog)) == []


def test_every_kind_of_alert_has_its_page() -> None:
    assert {file.stem for file in ALERTS} == set(KINDS)
    assert list(alert_faults()) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("data_stale.md", "## When it is resolved", "## How it ends", "has the headings Meaning, Impact, "),
        ("data_stale.md", "## False alarms", "## False alarms\n\n### At night\n\n### By day\n", "«At night» is empty"),
        (
            "data_stale.md",
            "| Notified | in the morning |",
            "| Notified | at once |",
            "the part «kind» is stale: run `headline runbooks`",
        ),
        ("landing_missed.md", "](contract_failed.md)", "](contract_torn.md)", "links to contract_torn.md, which does not exist"),
    ],
)
def test_a_broken_page_of_an_alert_is_caught(copied: Path, name: str, old: str, new: str, fault: str) -> None:
    page = copied.parents[1] / "docs/alerts" / name
    assert old in page.read_text()
    page.write_text(page.read_text().replace(old, new))
    [found] = alert_faults(page.parent)
    assert found.startswith(f"{name}: {fault}")


def test_pages_and_kinds_of_alerts_belong_together(copied: Path) -> None:
    pages = copied.parents[1] / "docs/alerts"
    assert list(alert_faults(pages)) == []
    (pages / "data_stale.md").rename(pages / "data_late.md")
    assert [fault.split(":")[0] for fault in alert_faults(pages)] == ["data_stale.md is missing", "data_late.md"]
