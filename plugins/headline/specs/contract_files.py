"""Contract files: read again where they change, with all that goes into them.

A contract is written briefly (see written.py) and filled in from conventions. A file that names its `dataset` is Soda's own.
"""

from __future__ import annotations

from pathlib import Path

from headline.errors import SpecError
from headline.specs.contract import Contract
from headline.specs.expand import Expansion, dataset_of
from headline.specs.files import file_state, parse_yaml, read_text
from headline.specs.lenient import keys, understood
from headline.specs.models import Table
from headline.specs.written import WrittenContract

# What stands in for a value that is missing or wrong while the rest of the file is looked at.
_PLACEHOLDERS = {"description": "One row per row. Not described yet.", "data_type": "varchar", "checks": [{"schema": None}]}
_PLACEHOLDERS_OF_WRITTEN = {"description": _PLACEHOLDERS["description"]}


def load_contract(table: Table) -> Contract:
    """The contract of a table; raises SpecError with all faults at once, each with file and key."""
    contract, faults = _read(table)
    if contract is None or faults:
        raise SpecError(list(faults))
    return contract


def read_contract(table: Table) -> tuple[Contract | None, list[str]]:
    """The contract of a table without its faults, and these; None where nothing can be told without them."""
    try:
        contract, faults = _read(table)
    except SpecError as error:
        return None, error.faults
    return contract, list(faults)


_Parsed = tuple[Contract | None, tuple[str, ...]]
_States = dict[Path, object]
# What files said when they were last read: a run asks for the contracts of all that it reads, dozens of times.
_READ: dict[tuple[object, ...], tuple[_States, _Parsed]] = {}


def _read(table: Table) -> _Parsed:
    file = table.contract_file
    key = (file, table.full_name, *table.key, table.period, "duplicates" in table.exempt)
    known = _READ.get(key)
    if known is None or any(file_state(one) != state for one, state in known[0].items()):
        states: _States = {file: file_state(file)}
        known = _READ[key] = (states, _parse(read_text(file), table, states))
    return known[1]


def _parse(text: str, table: Table, states: _States) -> _Parsed:
    """What the text says, and its faults; every other file that goes into it is added to `states`."""
    file = table.contract_file
    where, content = f"{file.parent.name}/{file.name}", parse_yaml(text, file)
    faults: list[str] = []
    sql_files: dict[str, Path] = {}
    expected = dataset_of(table.full_name)
    if not (isinstance(content, dict) and "dataset" in content):
        written, errors = understood(WrittenContract, content, _PLACEHOLDERS_OF_WRITTEN)
        faults += [f"{where}: {'.'.join(map(str, keys(content, error))) or 'the file'}: {error['msg']}" for error in errors]
        if written is None:
            return None, tuple(faults)
        filled = Expansion(table, written)
        try:
            content = filled.content
        except SpecError as error:  # the conventions themselves
            return None, (*faults, *error.faults)
        faults += [f"{where}: {fault}" for fault in filled.faults]
        states |= filled.states
        sql_files = filled.sql_files
    contract, errors = understood(Contract, content, _PLACEHOLDERS | {"dataset": expected})
    faults += [f"{where}: {'.'.join(map(str, error['loc'])) or 'the file'}: {error['msg']}" for error in errors]
    if contract is None:
        return None, tuple(faults)
    contract._content, contract._sql_files = content, sql_files
    if contract.dataset != expected:
        faults.append(f"{where}: dataset: is {contract.dataset}, but this file is the contract of {expected}")
    try:
        faults += [f"{where}: {fault}" for fault in contract.check_faults()]
    except ValueError as error:
        return None, (*faults, f"{where}: {error}")
    return contract, tuple(faults)
