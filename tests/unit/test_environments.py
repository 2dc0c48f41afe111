"""What production refuses, and where a sandbox is at home."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headline import cli, settings
from headline.demo.__main__ import main as demo
from headline.errors import BadRequest
from headline.local.home import Home

DESTRUCTIVE = (
    ("rebuild",),
    ("restore", "/backups", "--replace"),
    ("erase", "--customer", "17", "--yes"),
    ("retire", "profit.old", "--yes"),
    ("clean",),
)


@pytest.fixture
def headline(
    tmp_path: Path, forget_settings: Callable[[], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Run `headline …` in production, in a home that is not there; gives the errors."""
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADLINE_ENVIRONMENT", "prod")
    forget_settings()

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["headline", *arguments])
        with pytest.raises(SystemExit):
            cli.main()
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize("arguments", DESTRUCTIVE, ids=lambda arguments: arguments[0])
def test_production_refuses_what_removes_or_replaces_unless_it_is_meant(
    headline: Callable[..., str], arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = headline(*arguments)
    assert f"headline {arguments[0]}" in told
    assert "is production (HEADLINE_ENVIRONMENT=prod). Who means it says so" in told
    assert told.strip().endswith("--in-production")
    assert "Who means it" not in headline(*arguments, "--in-production")
    monkeypatch.setenv("HEADLINE_ENVIRONMENT", "test")
    assert "Who means it" not in headline(*arguments)


def test_production_has_no_demo_company(headline: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("run",), ("example", "online_retail", "data.csv")):
        told = headline(*arguments)
        assert "is production" in told
        assert "--in-production" not in told
    with pytest.raises(SystemExit):
        demo(["fill"])
    assert "there is no demo company in production" in capsys.readouterr().err


def test_no_shell_makes_another_environment_of_production(
    headline: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "env").write_text("HEADLINE_ENVIRONMENT=prod\n")
    for other in ("dev", "test"):
        monkeypatch.setenv("HEADLINE_ENVIRONMENT", other)
        assert headline("clean") == (
            f"headline: {home} is production, as its file env says: HEADLINE_ENVIRONMENT={other} is for another HEADLINE_HOME\n"
        )
    monkeypatch.delenv("HEADLINE_ENVIRONMENT")
    assert "headline clean is refused" in headline("clean")
    assert home.exists()


def test_each_developer_has_a_home_of_their_own(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> None:
    monkeypatch.delenv("HEADLINE_HOME", raising=False)
    assert settings.load().environment == "test"
    assert Home.current().path == settings.load().home == settings.PROJECT / ".headline"
    monkeypatch.setenv("HEADLINE_ENVIRONMENT", "dev")
    monkeypatch.setenv("HEADLINE_DEVELOPER", "ana")
    forget_settings()
    assert Home.current().path == settings.load().home == settings.PROJECT / ".headline-ana"
    monkeypatch.setenv("HEADLINE_DEVELOPER", "../ana")
    forget_settings()
    with pytest.raises(BadRequest, match=r"HEADLINE_DEVELOPER=\.\./ana"):
        settings.load()


def test_an_account_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_a_name() -> str:
        raise KeyError("getpwuid(): uid not found: 50000")

    monkeypatch.setattr(settings, "getuser", lambda: "Ana.Silva")
    assert settings.account() == "ana_silva"
    monkeypatch.setattr(settings, "getuser", without_a_name)
    assert settings.account() == f"user_{os.getuid()}"
