"""`python -m headline.local.airflow_commands`: commands of Airflow's own command line, one after another, in one process.

Importing Airflow takes longer than most of its commands. They are read from the standard input, as a JSON list of lists of words,
so that no password stands in the list of processes.
"""

import json
import sys
from collections.abc import Iterable


def run(commands: Iterable[list[str]]) -> None:
    from airflow.cli.cli_parser import get_parser

    parser = get_parser()
    for words in commands:
        options = parser.parse_args(words)
        options.func(options)


if __name__ == "__main__":
    run(json.load(sys.stdin))
