"""What is declared: pipeline.yml, source.yml and team.yml, read and validated; knows no Airflow."""

from headline.specs.catalog import Catalog, load, load_for, load_sound, load_sound_and_faults, load_understood, reached
from headline.specs.contract import Check, Column, Contract
from headline.specs.contract_files import load_contract, read_contract
from headline.specs.files import read_yaml
from headline.specs.folders import load_pipeline, pipeline_folders, read_pipeline, reporting_pipelines, stand_in
from headline.specs.ingests import AnyIngest, DatabaseIngest, FilesIngest, HttpIngest, Ingest, StreamIngest
from headline.specs.models import Coverage, Pipeline, Source, Table
from headline.specs.team import Engineer, Team
from headline.specs.team_file import load_team
from headline.specs.values import Dimension
from headline.specs.window import Window, widest

__all__ = [
    "AnyIngest",
    "Catalog",
    "Check",
    "Column",
    "Contract",
    "Coverage",
    "DatabaseIngest",
    "Dimension",
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
    "load_sound_and_faults",
    "load_team",
    "load_understood",
    "pipeline_folders",
    "reached",
    "read_contract",
    "read_pipeline",
    "read_yaml",
    "reporting_pipelines",
    "stand_in",
    "widest",
]
