"""What landed is what is read: a landed file that changed on disk is refused, and landing it again replaces it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.unit.conftest import Project

from headline.errors import BadData
from headline.intervals import DAY, Interval
from headline.ledger import Load
from headline.pipeline import ingest
from headline.sources.intact import flaw_of, manifest_of
from headline.sources.landing import LandingWriter
from headline.sources.text import batch

D1 = date(2026, 3, 2)
D2 = D1 + DAY
ORDERS = [(f"o{number}", f"{number}.25") for number in range(1, 41)]


@pytest.fixture
def drop(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the orders of each day are dropped; those of two days are there and have landed."""
    folder = tmp_path / "drop"
    folder.mkdir()
    connection = {"conn_type": "fs", "extra": {"path": f"file://{folder}"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", json.dumps(connection))
    for day in (D1, D2):
        send(folder, day)
        ingest(project.run("shop", day))
    return folder


def send(folder: Path, day: date, orders: list[tuple[str, str]] = ORDERS) -> None:
    lines = ["order_id,amount", *(f"{day:%d}-{key},{amount}" for key, amount in orders)]
    (folder / f"orders_{day}.csv").write_text("\n".join(lines) + "\n")


def landed(project: Project, day: date) -> tuple[Load, Path]:
    [load] = project.ledger.current_loads("landing.orders", [Interval(day, day + DAY)])
    return load, Path(load.file.removeprefix("file://"))


def flip(file: Path, chance: Random) -> None:
    """One bit of a file is another."""
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def paid(project: Project) -> list[tuple[Any, ...]]:
    return project.query("select ds, count(*), sum(amount) from raw.orders group by ds order by ds")


PAID = (40, Decimal("830.0000"))


def test_no_flipped_bit_changes_a_figure(project: Project, drop: Path) -> None:
    project.publish("shop", D1, D2)
    assert paid(project) == [(D1, *PAID), (D2, *PAID)]
    load, file = landed(project, D2)
    whole, manifest, chance = file.read_bytes(), manifest_of(file).read_bytes(), Random(2612)
    for number in range(200):
        flip(file, chance)
        damage = flaw_of(load)
        assert "its bytes are others" in damage
        if number % 20 == 0:
            with pytest.raises(BadData) as refused:
                project.publish("shop", D2)
            assert load.file in str(refused.value)
            assert f"`headline trigger shop --from {D2} --to {D2}`" in str(refused.value)
            assert paid(project) == [(D1, *PAID), (D2, *PAID)]
        file.write_bytes(whole)
        assert flaw_of(load) == ""
    refused_manifests = 0
    for _ in range(50):
        flip(manifest_of(file), chance)
        refused_manifests += flaw_of(load) != ""
        manifest_of(file).write_bytes(manifest)
    assert refused_manifests > 10, "what a manifest tells besides the two checksums decides nothing"
    assert flaw_of(load) == ""
    assert project.publish("shop", D2)["raw.orders"].published == []


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def other_rows(file: Path) -> None:
    """A whole Parquet file of other rows."""
    rows = pq.read_table(file, partitioning=None)
    pq.write_table(rows.slice(0, 3), file)


def exchanged(file: Path) -> None:
    """A file that is whole, with its manifest, of another day."""
    [other] = [one for one in file.parents[1].glob("*/*.parquet") if one != file]
    file.write_bytes(other.read_bytes())
    manifest_of(file).write_bytes(manifest_of(other).read_bytes())


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda file: flip(file, Random(1)), "its bytes are others"),
    (cut_off, "its bytes are others"),
    (other_rows, "its bytes are others"),
    (exchanged, "its manifest is that of other content"),
    (Path.unlink, "it is missing"),
    (lambda file: file.write_bytes(b""), "its bytes are others"),
    (lambda file: manifest_of(file).unlink(), "its manifest is missing"),
    (lambda file: manifest_of(file).write_text("{"), "its manifest is damaged"),
    (lambda file: manifest_of(file).write_text("[]"), "its manifest is damaged"),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGES)
def test_landing_a_day_again_replaces_its_damaged_file(
    project: Project, drop: Path, damage: Callable[[Path], object], told: str
) -> None:
    project.publish("shop", D1)
    before, file = landed(project, D2)
    damage(file)
    with pytest.raises(BadData, match=told):
        project.publish("shop", D2)
    assert paid(project) == [(D1, *PAID)]
    [again] = ingest(project.run("shop", D2))
    after, _ = landed(project, D2)
    assert (again.changed_count, after.file, after.checksum) == (0, before.file, before.checksum), "its content is the same"
    assert flaw_of(after) == ""
    project.publish("shop", D2)
    assert paid(project) == [(D1, *PAID), (D2, *PAID)]


def test_a_damaged_day_keeps_no_other_day_from_landing(project: Project, drop: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, file = landed(project, D2)
    flip(file, Random(3))
    send(drop, D2 + DAY)
    ingest(project.run("shop", D2 + DAY))
    assert f"nothing is compared with the file of {D2}" in caplog.text
    project.publish("shop", D2 + DAY)
    assert paid(project) == [(D2 + DAY, *PAID)]


def test_a_new_arrival_replaces_a_damaged_file_with_other_content(project: Project, drop: Path) -> None:
    project.replace(
        "sources/shop/source.yml", "format: csv", "format: csv, key: [order_id], measures: [amount], lookback_days: 1"
    )
    _, file = landed(project, D1)
    flip(file, Random(4))
    send(drop, D1, ORDERS[:20])
    ingest(project.run("shop", D2))
    load, _ = landed(project, D1)
    assert (load.row_count, flaw_of(load)) == (20, ""), "a damaged file is no measure of what a later reading takes away"


def test_two_runs_that_land_the_same_day_at_once_leave_a_complete_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other run replaces the file, with its rows in another order, after this one has and before its manifest stands."""
    rows = [{"key": key} for key in "abc"]
    writers = [LandingWriter("shop", "landing.orders", "test") for _ in range(2)]
    is_disturbed = False

    def disturbed(file: Path) -> Path:
        nonlocal is_disturbed
        if not is_disturbed:
            is_disturbed = True
            writers[1].write([(D1, batch(rows[::-1]))], [])
        return manifest_of(file)

    monkeypatch.setattr("headline.sources.landing.manifest_of", disturbed)
    [load] = writers[0].write([(D1, batch(rows))], [])
    assert is_disturbed
    assert flaw_of(load) == ""
