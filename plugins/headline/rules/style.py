"""Style of SQL and YAML, by sqlfluff and yamllint with the repository's own settings; both come with the developer's packages.

`python -m headline.rules.style <folder> …` tells what sqlfluff finds in their SQL.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import chdir, suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from headline import settings
from headline.errors import HeadlineError

# What sqlfluff cannot read: our own parser tells it too, and better.
UNREADABLE = ("PRS", "TMP", "LXR")


def is_installed() -> bool:
    """Whether the developer's packages are there."""
    try:
        return bool(version("sqlfluff") and version("yamllint"))
    except PackageNotFoundError:
        return False


class SqlStyle:
    """Looks at SQL files in processes of their own, beside other work: a parser of SQL in Python takes seconds for a long SELECT.

    A file that was sound is not looked at again before it, what it includes or the settings change.
    """

    def __init__(self, files: Sequence[Path], processes: int = 2) -> None:
        self._sound = _root() / ".sqlfluff_cache" / "sound"
        known = set(self._sound.read_text().split()) if self._sound.is_file() else set()
        shared = _shared()
        self._keys = {file: key for file in files if (key := _hash([file.read_text(), *shared])) not in known}
        # The largest first, so that two processes end together.
        new = [str(file) for file in sorted(self._keys, key=lambda file: -file.stat().st_size)]
        options = ["--format=json", "--disable-progress-bar", f"--processes={processes}", f"--config={_root() / '.sqlfluff'}"]
        command = [sys.executable, "-m", "headline.rules.quick_sqlfluff", "lint", *options, *new]
        self._process = (
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=_root()) if new else None
        )

    def faults(self) -> dict[Path, list[tuple[str, str]]]:
        """By file the code of the rule and what is wrong; waits until all has been looked at."""
        if self._process is None:
            return {}
        told, errors = self._process.communicate()
        try:
            linted = json.loads(told)
        except ValueError:
            raise HeadlineError(f"sqlfluff could not look at the SQL: {errors or told}") from None
        found: dict[Path, list[tuple[str, str]]] = defaultdict(list)
        for file in linted:
            for one in file["violations"]:
                text = f"line {one['start_line_no']}: {one['description']} ({one['code']})"
                found[_root() / file["filepath"]].append((one["code"], text))
        with suppress(PermissionError):  # an image's folder is not ours to write to
            self._sound.parent.mkdir(parents=True, exist_ok=True)
            with self._sound.open("a") as keys:
                keys.writelines(f"{key}\n" for file, key in self._keys.items() if file not in found)
        return found


def yaml_faults(file: Path) -> Iterator[str]:
    """What yamllint finds, a line each; what is no YAML at all is told by others."""
    from yamllint import linter  # type: ignore[import-untyped]
    from yamllint.config import YamlLintConfig  # type: ignore[import-untyped]

    with chdir(_root()):  # the settings name files beside themselves
        config = YamlLintConfig(file=".yamllint")
    for problem in linter.run(file.read_text(), config, str(file)):
        if problem.rule:
            yield f"line {problem.line}: {problem.desc} ({problem.rule})"


def _root() -> Path:
    """The folder with the settings: that of `include`, else the project's."""
    around = settings.load().include.parent
    return around if (around / ".sqlfluff").is_file() else settings.PROJECT


def _shared() -> list[str]:
    """What sqlfluff's verdict on any file depends on. Macros are few and change rarely: all of them count."""
    macros = [*settings.load().sql.glob("*/*.jinja"), *_root().glob("examples/*/sources/*/*.jinja")]
    return [version("sqlfluff"), (_root() / ".sqlfluff").read_text(), *(file.read_text() for file in sorted(macros))]


def _hash(parts: Sequence[str]) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()


def main(*folders: str) -> int:
    """Tell what sqlfluff finds in all SQL below the folders; 1 where it finds anything."""
    files = [file for folder in folders for file in sorted(Path(folder).absolute().rglob("*.sql"))]
    found = SqlStyle(files, processes=1).faults()
    for file, told in sorted(found.items()):
        print("\n".join(f"{file.relative_to(_root())}: {text}" for _, text in told))
    print(f"{len(files)} files of SQL, {sum(map(len, found.values()))} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
