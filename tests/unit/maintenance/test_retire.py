"""A retired table goes when it is listed and nothing makes or reads it; what was known of it stays told."""

from __future__ import annotations

import shutil
import sys
from datetime import date
from typing import Any

import pytest

from headline import cli, specs
from headline.errors import BadRequest, SpecError
from headline.ledger.retirements import Retirements
from headline.maintenance.retire import find_remains, retire
from headline.pipeline.fingerprints import verify_published
from headline.specs.graveyard import graveyard_faults, read_graveyard

D1 = date(2026, 3, 1)
TABLE = "core.running_totals"
GRAVE = "{retired_on: 2026-03-02, reason: Nobody reads totals by day any more., replaced_by: core.orders}"


@pytest.fixture
def shop(project: Any) -> Any:
    project.arrive({D1: [("a", "1.50"), ("x", "-1.00")]})
    project.publish("shop", D1)
    project.publish("core_shop", D1)
    return project


def where(project: Any) -> tuple[Any, Any, Any]:
    return specs.load(), project.ledger, project.warehouse


def bury(project: Any, name: str = TABLE, grave: str = GRAVE) -> None:
    project.write("../graveyard.yml", f"{name}: {grave}\n")


def stop_making(project: Any) -> None:
    """core_shop makes core.orders alone."""
    text = (project.sql / "core/core_shop/pipeline.yml").read_text()
    start, end = text.index("  running_totals:"), text.index("  orders:")
    project.write("core/core_shop/pipeline.yml", text[:start] + text[end:])


def test_a_table_that_somebody_makes_and_reads_stays(shop: Any) -> None:
    bury(shop, "core.orders")
    with pytest.raises(BadRequest) as caught:
        retire("core.orders", "ines", *where(shop))
    told = str(caught.value)
    assert "the folder core/core_shop makes it" in told
    assert "core.running_totals reads it" in told
    assert shop.query("select count(*) from core.orders") == [(1,)]


def test_a_table_that_only_a_check_reads_stays(shop: Any) -> None:
    stop_making(shop)
    bury(shop)
    query = f"select ds from {TABLE} where ds is null"
    check = f"  - failed_rows: {{name: told apart, attributes: {{kind: reconciliation}}, query: {query}}}\n"
    file = "core/core_shop/orders.contract.yml"
    shop.write(file, (shop.sql / file).read_text() + check)
    with pytest.raises(BadRequest, match=r"a check of core\.orders reads it"):
        find_remains(TABLE, *where(shop))


def test_a_table_that_is_not_listed_stays(shop: Any) -> None:
    stop_making(shop)
    with pytest.raises(BadRequest, match=r"core\.running_totals is not listed in include/graveyard\.yml"):
        retire(TABLE, "ines", *where(shop))


def test_a_retired_table_is_dropped_and_recorded(shop: Any) -> None:
    stop_making(shop)
    bury(shop)
    before = find_remains(TABLE, *where(shop))
    assert (before.rows, before.period_count) == ({TABLE: 1}, 1)
    retire(TABLE, "ines", *where(shop))
    with shop.warehouse.session(read_only=True) as session:
        assert session.tables() >= {"core.orders", "raw.orders"}
        assert TABLE not in session.tables()
    assert shop.ledger.states([TABLE]) == []
    [kept] = Retirements().all()
    assert (kept.table_name, kept.retired_on, kept.replaced_by) == (TABLE, date(2026, 3, 2), "core.orders")
    assert (kept.row_count, kept.period_count, kept.dropped_by) == (1, 1, "ines")
    assert shop.ledger.publications([TABLE]), "its history stays"
    with pytest.raises(BadRequest, match="nothing of it is published"):
        retire(TABLE, "ines", *where(shop))
    shop.publish("core_shop", D1)
    assert verify_published(specs.load().tables.values(), shop.ledger, shop.warehouse).mismatch == ""


def test_its_quarantine_goes_with_it(shop: Any) -> None:
    shutil.rmtree(shop.sql / "core")
    shop.forget()
    bury(shop, "core.orders", "{retired_on: 2026-03-02, reason: The shop has closed.}")
    assert retire("core.orders", "ines", *where(shop)).rows == {"core.orders": 1, "quarantine.orders": 1}
    with shop.warehouse.session(read_only=True) as session:
        assert not session.tables() & {"core.orders", "quarantine.orders"}


def test_a_crash_between_the_warehouse_and_the_ledger_is_mended_by_the_next_call(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_making(shop)
    bury(shop)

    def die(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Retirements, "record", die)
        with pytest.raises(KeyboardInterrupt):
            retire(TABLE, "ines", *where(shop))
    retire(TABLE, "ines", *where(shop))
    assert [one.row_count for one in Retirements().all()] == [0]
    shop.publish("core_shop", D1)


def test_the_command_lists_first_and_asks_for_yes(
    shop: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["headline", "retire", TABLE, *arguments])
        with pytest.raises(SystemExit):
            cli.main()
        return capsys.readouterr().err

    assert "the folder core/core_shop makes it" in run("--yes")
    stop_making(shop)
    bury(shop)
    assert "nothing was changed: --yes drops it, with 1 published period(s)" in run()
    assert "core.running_totals is dropped, with 1 published period(s)" in run("--yes")
    assert "nothing of it is published" in run()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            f"{TABLE}: {{retired_on: soon, reason: Nobody reads it.}}",
            f"graveyard.yml: {TABLE}.retired_on: Input should be a valid",
        ),
        (f"{TABLE}: {{retired_on: 2026-03-02}}", f"graveyard.yml: {TABLE}.reason: Field required"),
        (f"{TABLE}: {{retired_on: 2026-03-02, reason: Nobody reads it., by: me}}", f"{TABLE}.by: Extra inputs"),
        ("totals: {retired_on: 2026-03-02, reason: Nobody reads it.}", "graveyard.yml: totals: String should match"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_with_its_key(project: Any, text: str, complaint: str) -> None:
    project.write("../graveyard.yml", text)
    with pytest.raises(SpecError) as caught:
        read_graveyard()
    assert complaint in str(caught.value)


def test_what_may_not_be_listed_is_told(shop: Any) -> None:
    bury(shop, "core.orders", "{retired_on: 2026-03-02, reason: Nobody reads it., replaced_by: core.lines}")
    assert list(graveyard_faults(read_graveyard(), specs.load())) == [
        "core.orders: the folder core/core_shop still makes it; remove it there first",
        "core.orders: core.running_totals still read it; let them read core.lines first",
        "core.orders: replaced_by: nobody makes core.lines",
    ]
