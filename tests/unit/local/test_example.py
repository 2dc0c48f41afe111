from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from headline import specs
from headline.errors import BadRequest, SpecError
from headline.local import example as module
from headline.local.example import Example
from headline.settings import PROJECT

EXAMPLES = sorted(file.parent for file in (PROJECT / "examples").glob("*/example.yml"))

SPEC = """
description: A gift shop.
from: 2010-12-01
to: 2011-12-09
data_as: retail.parquet
reporting_currency: GBP
without: [core.exposures]
accept: It is history.
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "demo"))
    made = tmp_path / "examples" / "retail"
    made.mkdir(parents=True)
    (made / "example.yml").write_text(SPEC)
    return made


def test_an_example_runs_in_a_home_of_its_own_over_all_its_days(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "download.parquet"
    data.write_text("data")
    home, job = Example.load(folder).prepare(folder, data)
    assert home.path == tmp_path / ".headline-retail"
    assert (job.first, job.last, job.day) == (date(2010, 12, 1), date(2011, 12, 9), None)
    assert job.accept == "It is history."
    assert (home.path / "datashare" / "retail.parquet").read_text() == "data"
    assert job.choices["HEADLINE_SOURCES"] == str(folder / "sources")
    assert job.choices["HEADLINE_REPORTING_CURRENCY"] == "GBP"
    assert job.choices["HEADLINE_WITHOUT"] == "core.exposures"
    assert job.choices["HEADLINE_PORT"] != "8080"


@pytest.mark.parametrize("name", [folder.name for folder in EXAMPLES])
def test_no_example_waits_for_what_nobody_makes(
    name: str, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    folder = PROJECT / "examples" / name
    monkeypatch.setenv("HEADLINE_SOURCES", str(folder / "sources"))
    forget_settings()
    example = Example.load(folder)
    pipelines = [specs.load().pipelines[dag] for dag in example.dags]
    made = {name for pipeline in pipelines for name in (*pipeline.outputs, *getattr(pipeline, "landed", ()))}
    waited_for = {name for pipeline in pipelines for name in pipeline.inputs}
    assert len(waited_for) > 3
    assert waited_for - made == {"calendar.days", *example.without}


def test_the_data_may_move(folder: Path, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).write_text(name)
        home, _ = Example.load(folder).prepare(folder, tmp_path / name)
    assert (home.path / "datashare" / "retail.parquet").read_text() == "new"


def test_data_may_be_a_folder_of_files(folder: Path, tmp_path: Path) -> None:
    (folder / "example.yml").write_text(SPEC.replace("retail.parquet", "retail/"))
    data = tmp_path / "download"
    data.mkdir()
    for content in ("old", "new"):
        (data / f"{content}.csv").write_text(content)
        home, _ = Example.load(folder).prepare(folder, data)
        (data / f"{content}.csv").unlink()
    assert [file.name for file in (home.path / "datashare" / "retail").iterdir()] == ["new.csv"]
    with pytest.raises(BadRequest, match=r"there are no data in .*new: make example name=retail data=<folder>"):
        Example.load(folder).prepare(folder, tmp_path / "new")


def test_an_example_is_found_by_what_its_data_are_called(folder: Path) -> None:
    assert module.name_for(Path("/downloads/retail.parquet")) == "retail"
    with pytest.raises(BadRequest, match=r"no examples are of data called sales\.csv: .*retail \(retail\.parquet\)"):
        module.name_for(Path("sales.csv"))


def test_what_is_missing_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no example 'retial'; there is: retail"):
        Example.load(folder.with_name("retial"))
    with pytest.raises(BadRequest, match=r"there are no data in .*nowhere"):
        Example.load(folder).prepare(folder, tmp_path / "nowhere")


def test_every_fault_of_an_example_is_told(folder: Path) -> None:
    (folder / "example.yml").write_text(SPEC.replace("2011-12-09", "soon") + "colour: red\n")
    with pytest.raises(SpecError) as told:
        Example.load(folder)
    assert len(told.value.faults) == 2


def test_every_example_of_the_repository_is_sound() -> None:
    found = sorted((module.PROJECT / "examples").glob("*/example.yml"))
    for file in found:
        example = Example.load(file.parent)
        assert example.first <= example.last
        assert (file.parent / "sources").is_dir()
