"""What is declared: pipeline.yml, source.yml and team.yml, read and validated; knows no Airflow."""

from headline.specs.catalog import Catalog, load, load_for, load_pipeline, load_sound, pipeline_folders, read_yaml
from headline.specs.contract import Check, Column, Contract, load_contract
from headline.specs.models import (
    AnyIngest,
    CheckKind,
    Coverage,
    DatabaseIngest,
    FilesIngest,
    HttpIngest,
    Ingest,
    Pipeline,
    Source,
    StreamIngest,
    Table,
    Window,
    widest,
)
from headline.specs.team import Engineer, Team, load_team

__all__ = [
    "AnyIngest",
    "Catalog",
    "Check",
    "CheckKind",
    "Column",
    "Contract",
    "Coverage",
    "DatabaseIngest",
    "Engineer",
    "FilesIngest",
    "HttpIngest",
    "Ingest",
    "Pipeline",
    "Source",
    "StreamIngest",
    "Table",
    "Team",
    "Window",
    "load",
    "load_contract",
    "load_for",
    "load_pipeline",
    "load_sound",
    "load_team",
    "pipeline_folders",
    "read_yaml",
    "widest",
]
