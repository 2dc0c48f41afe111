import time, traceback
from collections import Counter
from tests.engines.conftest import FIRST, LAST
from tests.faults.world import PIPELINES, complete
from headline.pipeline import write_audit_publish
from headline import specs
from headline.warehouse import open_warehouse, Output
def published():
    found = {}
    with open_warehouse().session(read_only=True) as session:
        for table in specs.load().tables.values():
            for name in table.outputs:
                found[name] = Counter(session.query(f"select {', '.join(Output(name, table).columns)} from {name}").rows)
    return found
def test_try(landed, on_duckdb, lake, tmp_path):
    with on_duckdb.entered(): expected = published()
    world = landed.copy(tmp_path)
    bad = {}
    from headline.warehouse.spark.engine import SparkEngine
    old = SparkEngine.query
    def q(self, sql):
        t=time.time()
        try: return old(self, sql)
        except Exception as e:
            open('/tmp/h-spark/bad.sql','a').write(sql+'\n\n-- '+str(e)[:500]+'\n=========\n'); raise
        finally: open('/tmp/h-spark/q.log','a').write(f"{time.time()-t:.2f} {sql[:100]!r}\n")
    SparkEngine.query = q
    with world.entered(**lake.variables("w")):
        for name in PIPELINES:
            t = time.time()
            try:
                told = write_audit_publish(world.run(name, FIRST, LAST))
                print(f"OK {name} {time.time()-t:.1f}", [(x.table, x.row_count, x.seconds) for x in told])
            except Exception as e:
                bad[name] = e
                print(f"BAD {name} {time.time()-t:.1f} {type(e).__name__} {str(e)[:3000]}")
        print("DIFF")
        for name, rows in published().items():
            one, other = rows, expected[name]
            if one != other: print("DIFF", name, one.total(), other.total(), list((one-other))[:2], list(other-one)[:2])
            else: print("SAME", name, one.total())
    assert not bad
