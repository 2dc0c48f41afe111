"""Airflow's LocalExecutor, of which each worker may be killed at any time: the others go on, and its task is tried again at once.

Airflow's workers take their work from a pipe behind a lock. A worker that is killed while it waits takes the lock with it: no
other gets work again, and the scheduler still seems healthy. What a killed worker was at is noticed after minutes only.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import psutil
from airflow.executors import local_executor

MOST_BYTES = 1 << 18  # more than the system lets one message have
PR_SET_PDEATHSIG = 1
SECONDS_TO_TELL = 10.0  # a worker tells at once what it has taken; one that is killed as it takes something never does


class WorkQueue:
    """Messages of one process to its forked workers, and which worker has taken what.

    The system hands each message to one reader, so that no lock can be left behind. For the workers it ends with its owner.
    """

    def __init__(self) -> None:
        # Elsewhere than on Linux there are no packets that end with the writer: there workers outlive a scheduler that is killed.
        kind = socket.SOCK_SEQPACKET if sys.platform.startswith("linux") else socket.SOCK_DGRAM
        self._put, self._get = socket.socketpair(socket.AF_UNIX, kind)
        self._tell, self._told = socket.socketpair(socket.AF_UNIX, kind)
        self._owner = os.getpid()
        self._waiting: dict[Any, tuple[float, Any]] = {}  # what no worker has told to have taken, and since when

    def put(self, message: Any) -> None:
        self._put.send(pickle.dumps(message))
        if message is not None:
            self._waiting[message.key] = time.monotonic(), message

    def get(self) -> Any:
        """Wait for the next message; raises EOFError when the owner is gone."""
        if os.getpid() != self._owner:
            self._join()
        data = self._get.recv(MOST_BYTES)
        if not data:
            raise EOFError("the scheduler has ended")
        message = pickle.loads(data)  # noqa: S301 (of the process that this one was forked from)
        if message is not None:
            self._tell.send(pickle.dumps((os.getpid(), message.key)))
        return message

    def taken(self) -> list[tuple[int, Any]]:
        """Who has taken what since the last call: process ids and keys, the oldest first."""
        found = []
        with suppress(BlockingIOError):
            while True:
                found.append(pickle.loads(self._told.recv(MOST_BYTES, socket.MSG_DONTWAIT)))  # noqa: S301 (of our own workers)
                self._waiting.pop(found[-1][1], None)
        return found

    def put_again(self, worker_ended: float) -> None:
        """Put what went with a worker that ended at that moment, as it was taking it: it is here no more, and nobody has it."""
        latest = min(worker_ended, time.monotonic() - SECONDS_TO_TELL)
        for put, message in list(self._waiting.values()):
            if put < latest and self.empty():
                self.put(message)

    def empty(self) -> bool:
        return not select.select([self._get], [], [], 0)[0]

    def close(self) -> None:
        for end in (self._put, self._get, self._tell, self._told):
            end.close()

    def _join(self) -> None:
        """What a worker does first: only the owner can write, and a task ends with the worker that looks after it."""
        if self._put.fileno() >= 0:
            self._put.close()
            os.register_at_fork(after_in_child=end_with_parent)


def end_with_parent() -> None:
    """Have the system kill this process when its parent ends; only Linux can."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class LocalExecutor(local_executor.LocalExecutor):
    """The executor of an installation: `[core] executor`."""

    def start(self) -> None:
        """Make the queues and fork the workers, as Airflow does."""
        self.activity_queue = WorkQueue()
        self.result_queue: multiprocessing.Queue[Any] = multiprocessing.Queue()
        self.workers: dict[int, multiprocessing.Process] = {}
        self._unread_messages = multiprocessing.Value(ctypes.c_uint)
        self._taken: dict[int, Any] = {}
        self._worker_ended = 0.0
        if self.is_mp_using_fork:
            self._spawn_workers_with_gc_freeze(self.parallelism)

    def end(self) -> None:
        """Kill the workers and what they are at: the next scheduler takes it up. Airflow would wait for the longest task."""
        for worker in self.workers.values():
            with suppress(psutil.NoSuchProcess):
                family = psutil.Process(worker.pid).children(recursive=True)
                worker.kill()
                for process in family:  # elsewhere than on Linux they outlive it
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
            worker.join()
        super().end()

    def change_state(self, key: Any, state: Any, info: Any = None, remove_running: bool = True) -> None:
        """What Airflow does, and nobody is at this any more unless it goes on (`remove_running`)."""
        super().change_state(key, state, info, remove_running)
        self._taken |= self.activity_queue.taken()  # it was told before the result was
        if remove_running:
            self._taken = {pid: one for pid, one in self._taken.items() if one != key}

    def _check_workers(self) -> None:
        """Start others for workers that have ended, and fail at once what these were at."""
        before = set(self.workers)
        super()._check_workers()
        self._taken |= self.activity_queue.taken()
        if before - self.workers.keys():
            self._worker_ended = time.monotonic()
        self.activity_queue.put_again(self._worker_ended)
        for pid in self._taken.keys() - self.workers.keys():
            key = self._taken[pid]
            self.log.error("Worker %s was killed while it was at %s", pid, key)
            self.fail(key, info=f"its worker {pid} was killed")
