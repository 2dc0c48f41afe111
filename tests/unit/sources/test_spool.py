"""Many days at once: memory and open files stay what they are for few."""

import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from textwrap import dedent

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headline.intervals import DAY
from headline.sources import spool
from headline.sources.landing import LandingWriter, Part
from headline.sources.spool import Spool
from headline.sources.text import batch

D1 = date(2018, 1, 1)
RANGE = [D1 + DAY * n for n in range(3_000)]


def part(day: date, *keys: str) -> Part:
    return day, batch({"key": key} for key in keys)


def keys(spooled: Spool, day: date) -> list[str]:
    return [key for table in spooled.rows([day]) for key in table.column("key").to_pylist()]


@pytest.mark.parametrize("limit", [0, 5_000, 2**25])
def test_rows_come_back_in_their_order_whether_they_waited_in_memory_or_on_disk(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BUFFER_BYTES", limit)
    chance = random.Random(7)
    with Spool() as spooled:
        expected: dict[date, list[str]] = {}
        for number in range(300):
            day = chance.choice(RANGE[:20])
            expected.setdefault(day, []).append(str(number))
            spooled.add(*part(day, str(number)))
        assert spooled.days == sorted(expected)
        assert {day: keys(spooled, day) for day in spooled.days} == expected


@pytest.mark.parametrize("limit", [0, 2**25])
def test_parts_with_other_columns_are_joined(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "BUFFER_BYTES", limit)
    with Spool() as spooled:
        for record in ({"a": "1"}, {"b": "2"}, {"a": "3", "c": "4"}):
            spooled.add(D1, batch([record]))
        [table] = spooled.rows([D1])
    assert table.to_pylist() == [
        {"a": "1", "b": None, "c": None},
        {"a": None, "b": "2", "c": None},
        {"a": "3", "b": None, "c": "4"},
    ]


def test_a_file_is_the_same_however_its_rows_were_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: object
) -> None:
    monkeypatch.setattr(spool, "ROWS_AT_A_TIME", 10)
    names = [f"key {number}" for number in range(95)]
    files = []
    for number, (size, limit) in enumerate([(1, 0), (7, 2_000), (95, 2**25)]):
        monkeypatch.setattr(spool, "BUFFER_BYTES", limit)
        with Spool() as spooled:
            for start in range(0, 95, size):
                spooled.add(*part(D1, *names[start : start + size]))
            tables = list(spooled.rows([D1]))
        assert [table.num_rows for table in tables] == [10] * 9 + [5]
        file = tmp_path / f"{number}.parquet"
        with pq.ParquetWriter(file, tables[0].schema) as writer:
            for table in tables:
                writer.write_table(table)
        files.append(file.read_bytes())
    assert files[0] == files[1] == files[2]


def test_memory_does_not_grow_with_what_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: object) -> None:
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path}/landing")
    monkeypatch.setattr(spool, "BUFFER_BYTES", 2**20)
    chance = random.Random(7)
    before, most, sent = pa.total_allocated_bytes(), 0, 0

    def parts() -> Iterator[Part]:
        nonlocal most, sent
        for _ in range(200):
            rows = pa.record_batch({"key": [chance.randbytes(50).hex() for _ in range(2_000)]})
            sent += rows.nbytes
            yield chance.choice(RANGE[:30]), rows
            del rows
            most = max(most, pa.total_allocated_bytes() - before)

    loads = LandingWriter("shop", "landing.orders", "test").write(parts(), [])
    assert sum(load.row_count for load in loads) == 400_000
    assert sent > 40_000_000
    assert most < 4 * 2**20


def test_a_range_of_1000_days_needs_few_open_files(tmp_path: Path) -> None:
    """In a process of its own, whose limit is what `ulimit -n 1024` makes it, and far below once everything is loaded."""
    script = dedent("""
        import random, resource, sys
        from datetime import date, timedelta
        import pyarrow.parquet
        from headline.sources import spool
        from headline.sources.landing import LandingWriter
        from headline.sources.text import batch

        spool.BUFFER_BYTES = 2**18
        for limit in (1024, 64):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        days = [date(2018, 1, 1) + timedelta(days=number) for number in range(1_000)]
        parts = [(day, number) for day in days for number in range(2)]
        random.Random(7).shuffle(parts)
        loads = LandingWriter("shop", "landing.orders", "test").write(
            ((day, batch([{"key": f"{day} {number}"}])) for day, number in parts), days
        )
        assert len({load.file for load in loads}) == 1_000
        print(len(loads), sum(load.row_count for load in loads))
    """)
    environment = {"HEADLINE_LANDING": f"file://{tmp_path}/landing", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["1000", "2000"], done.stderr
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 64
