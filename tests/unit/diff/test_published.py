"""What the SQL as it stands makes of published inputs, beside what is published."""

import json
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from headline import cli

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def diff(project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    project.arrive({D1: [("a", "1.50"), ("x", "-1.00")], D2: [("b", "12345.25")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["headline", "diff", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, errors = capsys.readouterr()
        return int(ended.value.code or 0), out + errors

    return run


def test_a_table_is_compared_with_what_is_published_of_it(diff: Any, project: Any) -> None:
    days = ("--from", str(D1), "--to", str(D2))
    assert diff("core.orders", *days) == (
        0,
        "Data diff of core.orders with what is published from 2026-03-01 to 2026-03-02: "
        "no differences in 2 tables: core.orders, quarantine.orders\n",
    )
    before, newest = project.contents(), project.ledger.newest_version()
    project.replace("core/core_shop/orders.sql", "amount < 0", "amount < 2")
    code, out = diff("core.orders", *days, "--format", "json")
    told = {(one["table"], one["what"]): one for one in json.loads(out) if not one["key"]}
    assert (code, told["core.orders", "rows removed"]["after"], told["quarantine.orders", "rows added"]["after"]) == (0, 1, 1)
    assert told["core.orders", "total"]["difference"] == "-1.5000"
    assert (project.contents(), project.ledger.newest_version()) == (before, newest), "nothing is changed by it"
    assert diff("core.orders", "--from", str(D2))[1].splitlines()[0].endswith("core.orders, quarantine.orders"), "the other day"
    assert "no differences" in diff("raw.orders", *days)[1]


def test_a_table_that_was_never_published_is_all_new(diff: Any, project: Any) -> None:
    project.replace(
        "core/core_shop/pipeline.yml", "tables:\n", "tables:\n  days:\n    key: [ds]\n    reads:\n      core.orders:\n"
    )
    project.write(
        "core/core_shop/days.sql",
        "select distinct ds from core.orders where ds >= date '{{ start }}' and ds < date '{{ end }}'",
    )
    project.write(
        "core/core_shop/days.contract.yml",
        "dataset: warehouse/core/days\ndescription: One row per day.\n"
        "columns: [{name: ds, data_type: date, description: The day.}]\nchecks: [schema: ]\n",
    )
    code, out = diff("core.days", "--from", str(D1), "--to", str(D2), "--format", "markdown")
    assert code == 0, out
    assert "| core.days | 0 | 2 | 2 | 0 | 0 |  |" in out.splitlines()
