"""Worlds at several stages, each computed once; a test enters a copy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from shutil import rmtree

import pytest
from tests.faults.injected import FAULTS, FIRST, STEADY, TODAY, answered, run_of_today
from tests.faults.matrix import Day
from tests.faults.world import COMPANY, CORE_SHOP, D1, D3, D4, D5, PIPELINES, Table, World

from headline import specs
from headline.demo import finance_api
from headline.intervals import DAY


@pytest.fixture(scope="session")
def finance() -> Iterator[int]:
    """Serve the company's expenses; gives the port."""
    with finance_api.server(COMPANY, today=lambda: D5) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield service.server_port
        service.shutdown()


@pytest.fixture(scope="session")
def day(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Collection[str]], Day]]:
    """The day after eight weeks that went well: what reads certain sources has yet to run, all else of the day is done."""
    with pytest.MonkeyPatch.context() as patch, finance_api.server(STEADY, today=lambda: TODAY + DAY) as service:
        patch.setattr(finance_api, "expenses", answered)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        folder = tmp_path_factory.mktemp("steady")
        before = World(folder, postgres, service.server_port, folder.name, company=STEADY).create()
        before.days_pass(FIRST, TODAY - DAY)
        with before.entered():
            before.complete(PIPELINES, FIRST, TODAY - DAY)
            before.days_pass(TODAY, TODAY)
        forget_old_files(before.folder / "datashare")
        with before.copy(tmp_path_factory.mktemp("went-well")).entered() as after:
            usual = run_of_today(after, PIPELINES, "went well")

        @cache
        def until(sources: frozenset[str]) -> Day:
            with before.copy(tmp_path_factory.mktemp("-".join(sorted(sources)))).entered() as morning:
                waiting = readers_of(sources)
                morning.complete(tuple(name for name in PIPELINES if name not in waiting), TODAY)
            return Day(morning, waiting, before, after, usual)

        yield lambda sources: until(frozenset(sources))
        service.shutdown()


def forget_old_files(datashare: Path) -> None:
    """No run of TODAY reads what arrived more than a week before, and every test would copy it."""
    for folder in (datashare / "events").iterdir():
        if folder.name < f"arrived={TODAY - 7 * DAY}":
            rmtree(folder)


def readers_of(sources: Collection[str]) -> tuple[str, ...]:
    """The sources, and the pipelines that read them, be it through others."""
    catalog, found = specs.load(), set(sources)
    for name in PIPELINES:
        if {catalog.makers[read].id for read in catalog.pipelines[name].inputs if read in catalog.makers} & found:
            found.add(name)
    return tuple(name for name in PIPELINES if name in found)


@pytest.fixture(scope="session")
def empty(postgres: str, finance: int, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Nothing was computed yet; the sources know the first four days."""
    world = World(tmp_path_factory.mktemp("empty"), postgres, finance, "empty").create()
    world.days_pass(D1, D3)
    return world


@pytest.fixture(scope="session")
def three_days(empty: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The first three days are published everywhere, by one ranged run each; the sources have since learned of the fourth."""
    with empty.copy(tmp_path_factory.mktemp("three-days")).entered() as world:
        world.complete(PIPELINES, D1, D3)
        world.days_pass(D4, D4)
    return world


@pytest.fixture(scope="session")
def fourth_day_arrived(three_days: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The ordinary runs of the fourth day have come as far as core_shop, which has not begun."""
    with three_days.copy(tmp_path_factory.mktemp("arrived")).entered() as world:
        world.complete(PIPELINES[:CORE_SHOP])
    return world


@pytest.fixture(scope="session")
def undisturbed(fourth_day_arrived: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four days as they are when nothing goes wrong."""
    with fourth_day_arrived.copy(tmp_path_factory.mktemp("undisturbed")).entered() as world:
        world.complete(PIPELINES[CORE_SHOP:])
    return world


@pytest.fixture(scope="session")
def expected(undisturbed: World) -> dict[str, Table]:
    """What is published after four days without a fault."""
    with undisturbed.entered():
        found = undisturbed.published()
    # No window of refunds closes within four days, nobody has been shown two variants, and no record moves to another day.
    empty = {name for name in specs.load().tables if not found[name] and not name.endswith(("_resends", "_superseded"))}
    assert empty <= {"profit.refund_windows", "core.contaminated_users"}
    return found


@pytest.fixture
def enter(tmp_path: Path) -> Iterator[Callable[[World], World]]:
    """Enter a copy of a world, of this test's own."""
    with ExitStack() as worlds:
        yield lambda world: worlds.enter_context(world.copy(tmp_path).entered())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which faults were caught, and by what."""
    passed = [one for report in terminalreporter.getreports("passed") if report.when == "call" for one in report.user_properties]
    failed = {report.nodeid for report in terminalreporter.getreports("failed") + terminalreporter.getreports("error")}
    caught = {found[0]: found for name, found in passed if name == "fault"}
    missed = {name for test in failed if "test_fault_is_caught" in test for name in test.partition("[")[2][:-1].split(" and ")}
    lost = {fault.name: [fault.name, fault.source, "NOT CAUGHT", ""] for fault in FAULTS if fault.name in missed}
    if injected := lost | caught:
        terminalreporter.section("faults caught")
        for name, source, where, outcome in (injected[fault.name] for fault in FAULTS if fault.name in injected):
            terminalreporter.line(f"{name:<25} {source:<9} {outcome:<12} {where}")
        terminalreporter.line(f"{len(caught)} of {len(injected)} faults caught before any figure for investors was wrong")
    if pairs := [found for name, found in passed if name == "pair"]:
        terminalreporter.line(f"{len(pairs)} pairs of faults caught, both of each")
