"""Make TPC-DS's store as files a day; runs in an environment of its own: `generate.py <scale> <folder>`.

`store_sales/ds=<day>/data_0.parquet` and `store_returns/…` hold the rows of a day, `item.parquet` all versions of all items. What
was made is not made again: neither the database, which takes longest, nor the files.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb
import duckdb_extension_tpcds

EXTENSION = next(Path(duckdb_extension_tpcds.__file__).parent.rglob("tpcds.duckdb_extension"))
SETTINGS = {"memory_limit": "3GB", "threads": "2"}
# A till's file of a day holds whole tickets: a line whose date TPC-DS leaves open is of the day of its ticket's other lines.
# A return without a date is of the day of its sale.
TICKETS = """
    create temp table tickets as
    select ss_ticket_number as ticket, max(d_date) as ds
    from store_sales inner join date_dim on ss_sold_date_sk = d_date_sk
    group by ss_ticket_number
"""
FILES = {
    "store_sales": "select tickets.ds, store_sales.* from store_sales inner join tickets on ss_ticket_number = ticket",
    "store_returns": """
        select coalesce(d_date, tickets.ds) as ds, store_returns.*
        from store_returns
        inner join tickets on sr_ticket_number = ticket
        left join date_dim on sr_returned_date_sk = d_date_sk
    """,
}
# A version of an item whose first day TPC-DS leaves open begins when the one before it has ended; the first of an item, with all
# others. One that has none after it does not end: of the last item of a scale the later versions may be cut off.
ITEMS = """
    select * replace (
        coalesce(
            i_rec_start_date,
            cast(lag(i_rec_end_date) over versions + interval 1 day as date),
            date '1997-10-27'
        ) as i_rec_start_date,
        case when lead(i_item_sk) over versions is not null then i_rec_end_date end as i_rec_end_date
    )
    from item
    window versions as (partition by i_item_id order by i_item_sk)
"""
PARQUET = "format parquet, compression zstd"


def main(scale: str, folder: Path) -> None:
    mark = folder / "scale"
    if mark.is_file() and mark.read_text() == scale:
        return
    folder.mkdir(parents=True, exist_ok=True)
    database = folder.with_name(f"{folder.name}.{scale}.duckdb")
    if not database.exists():
        generate(float(scale), database)
    export(database, folder)
    mark.write_text(scale)
    database.unlink()


def generate(scale: float, database: Path) -> None:
    """All tables of TPC-DS, in a database that has its name once it is whole."""
    part = database.with_suffix(".part")
    for left in database.parent.glob(f"{part.name}*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    with duckdb.connect(part, config=SETTINGS) as connection:
        connection.load_extension(str(EXTENSION))
        connection.execute(f"call dsdgen(sf = {scale})")
    part.rename(database)


def export(database: Path, folder: Path) -> None:
    """A file for each table and day from the first sale to the last return, those without rows included."""
    with duckdb.connect(database, read_only=True, config={**SETTINGS, "threads": "1"}) as connection:
        connection.execute(TICKETS)
        for name, query in FILES.items():
            shutil.rmtree(folder / name, ignore_errors=True)
            connection.execute(f"copy ({query} order by ds) to '{folder / name}' ({PARQUET}, partition_by (ds))")
        connection.execute(f"copy ({ITEMS}) to '{folder / 'item.parquet'}' ({PARQUET})")
        found = sorted(day.name for name in FILES for day in (folder / name).iterdir())
        first, last = found[0].removeprefix("ds="), found[-1].removeprefix("ds=")
        days = connection.sql(f"select d_date from date_dim where d_date between '{first}' and '{last}'").fetchall()
        for name in FILES:
            for (day,) in days:
                file = folder / name / f"ds={day}" / "data_0.parquet"
                if not file.exists():
                    file.parent.mkdir()
                    connection.execute(f"copy (from {name} limit 0) to '{file}' ({PARQUET})")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
