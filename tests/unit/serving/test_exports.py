"""Metrics as Apache Ossie and contracts as ODCS: valid by the standards' schemas, and complete."""

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import sqlglot
import yaml
from sqlglot import exp
from typer.testing import CliRunner

from headline import specs
from headline.cli import app
from headline.serving import published_metrics

OURS = Path(__file__).parent / "ossie.schema.yml"
# The standard's own schema where its file is at hand. It may want a version under development, which ours is taken for then.
OSSIE = yaml.safe_load(Path(os.environ.get("OSSIE_SCHEMA", OURS)).read_text())


def printed(*arguments: str) -> list[Any]:
    """The YAML documents that a command prints."""
    found = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert found.exit_code == 0
    return list(yaml.safe_load_all(found.stdout))


@pytest.fixture(scope="module")
def ossie() -> Any:
    [model] = printed("metrics", "--as-ossie")
    return model | {"version": OSSIE["properties"]["version"]["const"]} if "OSSIE_SCHEMA" in os.environ else model


@pytest.fixture(scope="module")
def odcs() -> Any:
    return json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())


def test_metrics_are_valid_ossie_and_every_column_is_one_of_a_data_set(ossie: Any) -> None:
    jsonschema_rs.validate(OSSIE, ossie)
    [model] = ossie["semantic_model"]
    columns = {(one["name"], field["name"]) for one in model["datasets"] for field in one["fields"]}
    known = published_metrics(specs.load().pipelines.values())
    assert [one["name"] for one in model["metrics"]] == [*known]
    for one in model["metrics"]:
        aggregate = sqlglot.parse_one(one["expression"]["dialects"][0]["expression"])
        assert aggregate.find(exp.AggFunc), one["name"]
        used = {(column.table, column.name) for column in aggregate.find_all(exp.Column)}
        assert used, one["name"]
        assert used <= columns, one["name"]
        said = json.loads(one["custom_extensions"][0]["data"])
        assert (said["unit"], said["grain"]) == (known[one["name"]].unit, known[one["name"]].grain)


def test_what_ossie_does_not_know_is_refused(ossie: Any) -> None:
    broken = json.loads(json.dumps(ossie))
    broken["semantic_model"][0]["metrics"][0]["unit"] = "EUR"
    with pytest.raises(jsonschema_rs.ValidationError, match="'unit' was unexpected"):
        jsonschema_rs.validate(OSSIE, broken)


def test_every_contract_is_valid_odcs_with_its_columns_and_checks(odcs: Any) -> None:
    documents, tables = printed("contract", "odcs"), specs.load().tables
    assert [one["id"] for one in documents] == [*tables]
    validator = jsonschema_rs.validator_for(odcs)
    for one in documents:
        assert [error.message for error in validator.iter_errors(one)] == [], one["id"]
        contract = specs.load_contract(tables[one["id"]])
        [schema] = one["schema"]
        assert [column["name"] for column in schema["properties"]] == contract.column_names
        checks = [*schema["quality"], *(check for column in schema["properties"] for check in column.get("quality", ()))]
        assert len(checks) == len(contract.listed_checks)
        personal = {column["name"] for column in schema["properties"] if column.get("classification") == "personal"}
        assert personal == contract.personal_columns
        assert one["apiVersion"] == "v3.1.0"
        assert one["team"]["members"]


def test_a_contract_alone_says_what_one_row_is_and_a_broken_one_is_caught(odcs: Any) -> None:
    [found] = printed("contract", "odcs", "profit.unit_profit")
    assert found["schema"][0]["dataGranularityDescription"] == "one row per order line and entry"
    found["schema"][0]["properties"][0]["logicalType"] = "day"
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(odcs, found)


def test_metrics_are_listed() -> None:
    found = CliRunner().invoke(app, ["metrics", "--format", "json"], catch_exceptions=False)
    rows = {row["metric"]: row for row in json.loads(found.stdout)}
    assert len(rows) == 52
    assert rows["daily_refund_rate"]["issued"] == "no"
    assert (rows["monthly_net_revenue"]["issued"], rows["monthly_net_revenue"]["owner"]) == ("1000", "profit")
