"""Features over the API: what a model was trained on for the same label, with the rights of the export, and recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from tests.unit.api.conftest import D1, LABELS, Client, Rights

from headline import specs
from headline.exports.result import Work
from headline.exports.run import run_export
from headline.intervals import DAY, Interval
from headline.ledger import Reads
from headline.specs.exports import load_export

PATH = "/features/paid"
KEY = 'a,"a, b"'


def trained(project: Any, place: Path, moment: datetime) -> dict[str, str | None]:
    """What a model of that moment is trained on, by order."""
    project.write("exports/paid/labels.sql", LABELS.replace("2099-01-01 00:00:00", f"{moment:%Y-%m-%d %H:%M:%S.%f}"))
    run_export(Work(load_export("paid"), "run", specs.load(), project.ledger, project.warehouse), Interval(D1, D1 + DAY))
    folder = place / "paid" / str(D1)
    [file] = json.loads((folder / "manifest.json").read_text())["files"]
    rows = pyarrow.parquet.read_table(folder / file["path"]).to_pylist()
    return {row["order_id"]: row["paid"] and str(row["paid"]) for row in rows}


def test_what_is_served_is_what_is_trained_on_whatever_lands_since(
    metrics: Any, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "fs", "extra": {"path": f"file://{tmp_path}/partners"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_PARTNERS", json.dumps(connection))
    first = datetime.now(UTC)
    metrics.arrive({D1: [("a", "100")]})
    for pipeline in ("shop", "core_shop"):
        metrics.publish(pipeline, D1)
    second = datetime.now(UTC)
    for moment, paid in ((first, "1.5000"), (second, "100.0000")):
        told = client().get(PATH, params={"key": KEY, "as_of": moment.isoformat()}).json()
        [row] = told["data"]
        assert (row["order_id"], row["asked_by"], row["paid"]) == ("a", "a, b", paid)
        assert told["meta"]["as_of"] == row["moment"] == moment.isoformat()
        assert trained(metrics, tmp_path / "partners", moment)["a"] == paid
    assert client().get(PATH, params={"key": KEY}).json()["data"][0]["paid"] == "100.0000", "now"


def test_several_entities_are_asked_at_once_and_the_reading_is_recorded(metrics: Any, client: Client, rights: Rights) -> None:
    found = client(accept="text/csv").get(PATH, params={"key": ["b,ann", "nobody,ann"]})
    assert [line.split(",")[0] for line in sorted(found.text.splitlines())] == ["b", "nobody", "order_id"]
    [read] = Reads().newest(1)
    assert (read.reader, read.channel, read.names, read.row_count) == ("ada", "api", ("core.orders", "landing.orders"), 2)
    assert read.detail == f"{PATH}?key=b,ann&key=nobody,ann"
    rights.sees["ada"] -= {"paid"}
    assert client().get(PATH, params={"key": "b,ann"}).status_code == 403
    assert Reads().newest(1)[0].row_count is None
    rights.sees["ada"] |= {"orders"}
    assert client().get("/features/orders").status_code == 404


def test_personal_data_are_for_who_may_see_them(metrics: Any, client: Client, rights: Rights) -> None:
    """Whether the export may give them to its receiver is asked too."""
    said = "to: {kind: files"
    personal = "personal: {columns: [paid], legal_basis: The contract with whoever bought it.}\n"
    metrics.replace("exports/paid/export.yml", said, f"{personal}{said}")
    masked = client().get(PATH, params={"key": "b,ann"}).json()
    assert (masked["data"][0]["paid"], masked["meta"]["masked"]) == (None, ["paid"])
    rights.personal = {"ada"}
    assert client().get(PATH, params={"key": "b,ann"}).json()["data"][0]["paid"] == "12345.2500"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"key": "a"}, 400),
        ({"key": "a,b,c"}, 400),
        ({"key": ""}, 400),
        ({"key": "a,b", "as_of": "1999-12-31T23:59:59Z"}, 400),
        ({"key": "a,b", "as_of": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, 400),
        ({"key": "a,b", "as_of": "2026-03-01T00:00:00"}, 422),
        ({"key": ["a,b"] * 101}, 422),
    ],
)
def test_a_faulty_request_is_refused(metrics: Any, client: Client, asked: dict[str, Any], status: int) -> None:
    assert client().get(PATH, params=asked).status_code == status
