"""Locks beside each other, one after the other, and of processes that die."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from headline.errors import Transient
from headline.ledger import Ledger, Locks

HOLD = """
import sys, time
from headline.ledger import Locks
with getattr(Locks(sys.argv[1]), sys.argv[2])("warehouse"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def locks(holder: str, timeout: float = 10) -> Iterator[Locks]:
    opened = Locks(holder, timeout)
    yield opened
    opened.close()


@contextmanager
def held_by_a_process(holder: str, kind: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLD, holder, kind], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_shared_locks_are_held_beside_each_other(ledger: Ledger) -> None:
    with locks("one") as one, locks("other", 0.2) as other, one.shared("warehouse"), other.shared("warehouse"):
        pass


def test_locks_of_other_names_are_no_obstacle(ledger: Ledger) -> None:
    with locks("one") as one, locks("other", 0.2) as other, one.exclusive("run a"), other.exclusive("run b"):
        pass


@pytest.mark.parametrize(("held", "wanted"), [("shared", "exclusive"), ("exclusive", "shared"), ("exclusive", "exclusive")])
def test_an_exclusive_lock_is_held_alone(ledger: Ledger, held: str, wanted: str) -> None:
    order: list[str] = []

    def other() -> None:
        with locks("other") as mine, getattr(mine, wanted)("warehouse"):
            order.append("other")

    waiting = Thread(target=other)
    with locks("one") as one, getattr(one, held)("warehouse"):
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        order.append("one")
    waiting.join(10)
    assert order == ["one", "other"]


def test_who_waits_for_the_lock_alone_is_not_overtaken(ledger: Ledger) -> None:
    """Readers that come and go must not keep a publication waiting for ever."""
    with locks("reader") as reader, locks("late reader", 0.5) as late, locks("publisher") as publisher:

        def publish() -> None:
            with publisher.exclusive("warehouse"):
                pass

        waiting = Thread(target=publish)
        with reader.shared("warehouse"):
            waiting.start()
            waiting.join(0.3)
            with pytest.raises(Transient), late.shared("warehouse"):
                pass
        waiting.join(10)
        with late.shared("warehouse"):
            pass


def test_a_lock_that_is_not_to_be_had_is_told_with_who_holds_it_and_can_be_had_later(ledger: Ledger) -> None:
    with locks("other", 0.2) as other:
        with locks("headline: core_shop manual__1") as one, one.exclusive("warehouse"):
            told = "the lock «warehouse» is held by headline: core_shop manual__1 for more than 0 s"
            with pytest.raises(Transient, match=told), other.shared("warehouse"):
                pass
        with other.shared("warehouse"):
            pass


@pytest.mark.parametrize("kind", ["shared", "exclusive"])
def test_the_lock_of_a_process_that_dies_is_free(ledger: Ledger, kind: str) -> None:
    with held_by_a_process("the run that dies", kind) as process, locks("other", 0.3) as other:
        with pytest.raises(Transient, match="the run that dies"), other.exclusive("warehouse"):
            pass
        process.kill()
        process.wait(10)
        with locks("patient") as patient, patient.exclusive("warehouse"):
            pass


def test_a_failure_frees_the_lock(ledger: Ledger) -> None:
    with locks("one") as one:
        with pytest.raises(ZeroDivisionError), one.exclusive("warehouse"):
            raise ZeroDivisionError
        with locks("other", 0.2) as other, other.exclusive("warehouse"):
            pass


def test_a_ledger_out_of_reach_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_NOWHERE", '{"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "x", "schema": "x"}'
    )
    with pytest.raises(Transient, match="connection nowhere"), Locks("one", conn_id="nowhere").shared("warehouse"):
        pass


def test_a_connection_is_used_again_without_the_locks_that_it_held(ledger: Ledger) -> None:
    about = "select pg_backend_pid() || ' ' || current_setting('application_name') || ' ' || current_setting('lock_timeout')"
    found = []
    for holder, timeout in (("one", 10.0), ("other", 0.2)):
        with locks(holder, timeout) as mine:
            found.append(mine.value(about).split())
            with locks("somebody", 0.2) as others:
                assert not others.is_held("warehouse")
            held = mine.exclusive("warehouse")
            held.__enter__()
    (first, *_), (second, *told) = found
    assert (first, told) == (second, ["other", "200ms"])


def test_a_connection_that_the_server_has_closed_is_replaced(ledger: Ledger) -> None:
    with locks("one") as one, locks("other") as other:
        pid, _ = one.value("select pg_backend_pid()"), other.value("select 1")
        one.close()
        other.value("select pg_terminate_backend(%(pid)s)", pid=pid)
    with locks("patient") as patient, patient.exclusive("warehouse"):
        assert patient.value("select pg_backend_pid()") != pid
