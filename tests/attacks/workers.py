"""What befalls forked workers, as a program of its own: what it forks and kills is no process of the tests.

`python -m tests.attacks.workers` goes through every scene and prints as JSON what went wrong in each, or null.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import psutil
from airflow.executors.base_executor import BaseExecutor
from airflow.models.taskinstancekey import TaskInstanceKey
from tests.attacks.waiting import wait_for

from headline import executor as executor_module
from headline.executor import LocalExecutor, WorkQueue, end_with_parent
from headline.local.alive import alive

FORK = multiprocessing.get_context("fork")


def _take(queue: WorkQueue, seen: Any) -> None:
    with suppress(EOFError):
        while True:
            seen.put(queue.get().key)
    seen.put("ended")


def a_worker_that_is_killed_while_it_waits() -> None:
    queue, seen = WorkQueue(), FORK.SimpleQueue()
    workers = [FORK.Process(target=_take, args=(queue, seen)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers[:2]:
        time.sleep(0.1)
        worker.kill()
        worker.join()
    for number in range(3):
        queue.put(SimpleNamespace(key=number))
    assert [seen.get() for _ in range(3)] == [0, 1, 2]
    assert queue.taken() == [(workers[2].pid, number) for number in range(3)]
    assert queue.empty()
    queue._put.close()  # as the end of the scheduler does
    assert seen.get() == "ended"
    workers[2].join(5)
    assert workers[2].exitcode == 0
    queue.close()


def a_task_whose_worker_is_killed() -> None:
    told = FORK.SimpleQueue()

    def work() -> None:
        os.register_at_fork(after_in_child=end_with_parent)
        if not os.fork():
            told.put(os.getpid())
        time.sleep(60)

    worker = FORK.Process(target=work)
    worker.start()
    task = psutil.Process(told.get())
    worker.kill()
    worker.join()
    wait_for(lambda: not alive(task), 5)


def what_a_killed_worker_was_at() -> None:
    executor_module.SECONDS_TO_TELL = 0.2
    BaseExecutor.run_workload = lambda workload, **_: time.sleep(workload.seconds)
    executor = LocalExecutor(parallelism=2)
    executor.start()
    try:
        first, second = (TaskInstanceKey("a_dag", name, "a_run", 1) for name in ("first", "second"))

        def give(key: TaskInstanceKey, seconds: float) -> None:
            work = SimpleNamespace(
                key=key, seconds=seconds, display_name=key.task_id, running_state=None, success_state="success"
            )
            executor.queued_tasks[key] = work
            executor._process_workloads([work])

        give(first, 60)
        wait_for(lambda: executor.sync() or executor._taken, 5)
        [pid] = executor._taken
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: executor.sync() or first in executor.event_buffer, 5)
        assert executor.event_buffer[first] == ("failed", f"its worker {pid} was killed")
        for one in list(executor.workers):
            os.kill(one, signal.SIGKILL)
        give(second, 0)
        wait_for(lambda: executor.sync() or second in executor.event_buffer, 10)
        assert executor.event_buffer[second][0] == "success"
        assert not executor._taken, "nobody is at what has ended"
    finally:
        for worker in executor.workers.values():
            worker.kill()
            worker.join()
        executor.end()


def a_scheduler_that_ends() -> None:
    BaseExecutor.run_workload = lambda workload, **_: subprocess.run(["sleep", "60"], check=False)
    executor = LocalExecutor(parallelism=2)
    executor.start()
    key = TaskInstanceKey("a_dag", "a_task", "a_run", 1)
    work = SimpleNamespace(key=key, display_name="a_task", running_state=None, success_state="success")
    executor.queued_tasks[key] = work
    executor._process_workloads([work])
    workers = [psutil.Process(pid) for pid in executor.workers]
    wait_for(lambda: [one for worker in workers for one in worker.children()], 10)
    family = [*workers, *(one for worker in workers for one in worker.children())]
    began = time.monotonic()
    executor.end()
    assert time.monotonic() - began < 10
    wait_for(lambda: not any(alive(one) for one in family), 5)


SCENES: tuple[Callable[[], None], ...] = (
    a_worker_that_is_killed_while_it_waits,
    a_task_whose_worker_is_killed,
    what_a_killed_worker_was_at,
    a_scheduler_that_ends,
)


def _fault(scene: Callable[[], None]) -> str | None:
    try:
        scene()
    except Exception:
        return traceback.format_exc()
    return None


if __name__ == "__main__":
    multiprocessing.set_start_method("fork", force=True)  # what Airflow's executor goes by
    owner, found = os.getpid(), {scene.__name__: _fault(scene) for scene in SCENES}
    if os.getpid() == owner:
        json.dump(found, sys.stdout)
