"""sqlfluff over folders: what is wrong is told by file, and a sound file is looked at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headline.rules import style
from headline.settings import PROJECT


def test_only_what_is_new_or_was_wrong_is_looked_at(
    tmp_path: Path, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "include" / "sql" / "core"
    folder.mkdir(parents=True)
    (tmp_path / ".sqlfluff").write_text((PROJECT / ".sqlfluff").read_text())
    (folder / "good.sql").write_text("select ds\nfrom raw.orders\n")
    (folder / "bad.sql").write_text("SELECT ds\nfrom raw.orders\n")
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    forget_settings()
    assert style.main(str(tmp_path / "include")) == 1
    told, summary = capsys.readouterr().out.splitlines()
    assert told.startswith("include/sql/core/bad.sql: line 1: Keywords must be lower case.")
    assert summary == "2 files of SQL, 1 faults"
    assert list(style.SqlStyle([folder / "good.sql", folder / "bad.sql"])._keys) == [folder / "bad.sql"]
    (folder / "bad.sql").write_text((folder / "good.sql").read_text())
    monkeypatch.setattr(style.subprocess, "Popen", lambda *_, **__: pytest.fail("it is looked at again"))
    assert style.main(str(tmp_path / "include")) == 0
