"""One file pins all packages, the locks have their hashes, and nothing is installed that has none."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable

import pytest
from tests.repository.written import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
ENGINES = "requirements-engines.lock"  # beside the environment, for `make engines`
DOUBLES = "requirements-doubles.lock"
APART = ("requirements-checkov.lock", "requirements-tpcds.lock")  # of environments of their own
INSTALLERS = ("Makefile", "Dockerfile", ".ci/run", ".github/workflows/ci.yml", ".github/workflows/infrastructure.yml")


def pins(text: str) -> dict[str, str]:
    """What a file pins: by name the version, with the marker where it has one."""
    lines = [line.removesuffix(" \\") for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
    return {name: rest for name, _, rest in (line.partition("==") for line in lines)}


def without_hash(text: str) -> list[str]:
    """The packages of a lock that have no hash."""
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    return [entry.split("==")[0] for entry in entries if not re.search(r"\n    --hash=sha256:[0-9a-f]{64}", entry)]


def normal(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=<>!~ ;]", requirement)[0]).lower()


def installs(text: str) -> Iterable[str]:
    """Every command that installs packages, its continued lines joined."""
    return (line for line in text.replace("\\\n", " ").splitlines() if re.search(r"\bpip install\b", line))


def test_the_locks_hold_what_the_constraints_pin() -> None:
    runtime, development, engines = (pins((ROOT / name).read_text()) for name in (*LOCKS, ENGINES))
    assert len(runtime) > 100
    assert not runtime.keys() & development.keys()
    assert not (runtime | development).keys() & engines.keys()
    assert runtime | development | engines == pins((ROOT / "constraints.txt").read_text()), "run `make locks`"


def test_what_stands_in_for_aws_and_mail_is_what_tests_use() -> None:
    doubles = pins((ROOT / DOUBLES).read_text())
    assert {"aiosmtpd", "moto"} <= doubles.keys()
    assert doubles.items() <= pins((ROOT / "constraints.txt").read_text()).items(), "run `make locks`"


@pytest.mark.parametrize("name", [*LOCKS, ENGINES, DOUBLES, *APART])
def test_every_package_of_a_lock_has_a_hash(name: str) -> None:
    assert without_hash((ROOT / name).read_text()) == []


def test_a_package_without_a_hash_is_caught() -> None:
    hashed = "a==1 \\\n    --hash=sha256:" + "0" * 64
    assert without_hash(f"{hashed}\nb==2\n{hashed.replace('a==1', 'c==3')}") == ["b"]


def test_what_the_project_asks_for_is_in_its_lock() -> None:
    """The project itself is installed without its dependencies, so that one that is missing would not be noticed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, development = (pins((ROOT / name).read_text()).keys() for name in LOCKS)
    assert {normal(one) for one in project["dependencies"]} <= runtime
    assert {normal(one) for one in project["optional-dependencies"]["dev"]} <= runtime | development


@pytest.mark.parametrize("name", INSTALLERS)
def test_nothing_is_installed_without_its_hash(name: str) -> None:
    """Only the project itself has none; it comes without anything else."""
    for command in installs((ROOT / name).read_text()):
        parts = re.split(r"&&|\|\||;", command)
        assert all({"--require-hashes", "--no-deps"} & set(part.split()) for part in parts if "pip install" in part), command


def test_an_installation_without_hashes_is_caught() -> None:
    assert list(installs("RUN pip install \\\n  x\nRUN echo pip\n")) == ["RUN pip install    x"]
