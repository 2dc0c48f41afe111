import json
import os
import stat
from pathlib import Path
from unittest.mock import patch

import pytest

from headline import settings
from headline.errors import BadRequest
from headline.local.home import Home, chosen_in_shell
from headline.local.secrets import MADE, SIGNING_KEY_BYTES, SIGNING_KEYS

SOCKET = Path("socket")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_home_and_its_keys_are_closed_to_others(home: Home) -> None:
    home.write(SOCKET, {})
    assert mode(home.path) == 0o700
    assert {mode(path) for path in home.path.iterdir() if path.is_dir()} == {0o700}
    assert mode(home.env_file) == mode(home.login_file) == 0o600


def kept(home: Home) -> dict[str, str]:
    return {name: home.secrets[name] for name in MADE}


def test_keys_are_made_once(home: Home) -> None:
    home.write(SOCKET, {})
    first = kept(home)
    home.write(SOCKET, {"HEADLINE_PORT": "9000"})
    assert kept(home) == first
    assert len(set(first.values())) == len(MADE)


def test_every_home_has_keys_of_its_own(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.make()
    for one in (home, other):
        one.write(SOCKET, {})
    assert not set(kept(home).values()) & set(kept(other).values())


def test_a_choice_stays_until_another_is_made(home: Home) -> None:
    assert home.write(SOCKET, {})["HEADLINE_PORT"] == "8080"
    assert home.write(SOCKET, {"HEADLINE_PORT": "9000"})["AIRFLOW__API__PORT"] == "9000"
    assert home.write(SOCKET, {})["AIRFLOW__API__PORT"] == "9000"
    assert home.write(SOCKET, {"HEADLINE_PORT": "9001"})["AIRFLOW__API__PORT"] == "9001"


def test_a_chosen_connection_overrules_the_derived_one(home: Home) -> None:
    chosen = json.dumps({"conn_type": "athena"})
    assert json.loads(home.write(SOCKET, {})["AIRFLOW_CONN_HEADLINE_WAREHOUSE"])["conn_type"] == "duckdb"
    assert home.write(SOCKET, {"AIRFLOW_CONN_HEADLINE_WAREHOUSE": chosen})["AIRFLOW_CONN_HEADLINE_WAREHOUSE"] == chosen
    assert home.environment()["AIRFLOW_CONN_HEADLINE_WAREHOUSE"] == chosen


def test_what_is_derived_follows_the_home_when_it_moves(home: Home, tmp_path: Path) -> None:
    home.write(SOCKET, {})
    before = kept(home)
    moved = Home(home.path.rename(tmp_path / "moved"))
    after = moved.write(SOCKET, {})
    assert after["AIRFLOW_HOME"] == f"{tmp_path}/moved/airflow"
    assert kept(moved) == before
    assert after["AIRFLOW__CORE__FERNET_KEY_CMD"] == f"cat {tmp_path}/moved/secrets/fernet_key"


def test_keys_are_long_enough_to_sign_with_and_stay_unless_they_are_not(home: Home) -> None:
    home.write(SOCKET, {})
    before = kept(home)
    assert all(len(before[name].encode()) >= SIGNING_KEY_BYTES for name in SIGNING_KEYS)
    home.secrets.path(SIGNING_KEYS[0]).write_text("short")
    home.write(SOCKET, {})
    after = kept(home)
    assert len(after[SIGNING_KEYS[0]]) >= SIGNING_KEY_BYTES
    assert {name for name in MADE if after[name] != before[name]} == {SIGNING_KEYS[0]}


def test_the_day_of_the_first_set_up_stays(home: Home) -> None:
    home.write(SOCKET, {"HEADLINE_START_DATE": "2026-01-31"})
    assert home.write(SOCKET, {})["HEADLINE_START_DATE"] == "2026-01-31"


def test_the_command_line_reads_what_set_up_wrote(home: Home) -> None:
    written = home.write(SOCKET, {})
    with patch.dict(os.environ, {"HEADLINE_REPORTING_CURRENCY": "USD"}, clear=True):
        settings.load_environment_file(home.path)
        assert dict(os.environ) == written | {"HEADLINE_REPORTING_CURRENCY": "USD"}
    settings.load.cache_clear()


def test_only_what_the_shell_adds_to_the_file_was_chosen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    written = home.write(SOCKET, {})
    monkeypatch.setenv("HEADLINE_HOME", str(home.path))
    for name, value in written.items():
        monkeypatch.setenv(name, value)
    assert chosen_in_shell() == {}
    monkeypatch.setenv("HEADLINE_PORT", "9000")
    assert chosen_in_shell() == {"HEADLINE_PORT": "9000"}


def test_the_login_tells_where_and_how(home: Home) -> None:
    home.write(SOCKET, {"HEADLINE_PORT": "9000"})
    assert home.login_file.read_text() == f"http://127.0.0.1:9000\nuser: admin\npassword: {home.secrets['admin']}\n"


def test_only_one_command_starts_a_home(home: Home) -> None:
    with home.starting(), pytest.raises(BadRequest, match="being started by another command"), Home(home.path).starting():
        pass
    with home.starting():
        pass


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(BadRequest, match="holds other things"):
        Home(tmp_path).make()
    with pytest.raises(BadRequest, match="nothing was removed"):
        Home(tmp_path).remove()
    assert (tmp_path / "thesis.tex").exists()


def test_a_home_of_ours_is_removed_whole(home: Home) -> None:
    home.remove()
    assert not home.path.exists()
