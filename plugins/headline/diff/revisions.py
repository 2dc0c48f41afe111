"""What git knows of the folder of specs and SQL: the revision to compare with, and its files."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from headline.errors import BadRequest

MAIN = ("origin/main", "main")


@dataclass(frozen=True)
class Repository:
    """The git repository that holds the folder `include`."""

    include: Path

    def base(self, named: str | None, head: str) -> str:
        """The commit at which the history of `head` left that of a revision, main if none is named.

        Raises BadRequest where there is no such revision, or the two have nothing in common.
        """
        known = [
            one for one in ([named] if named else MAIN) if self._succeeds("rev-parse", "--verify", "--quiet", f"{one}^{{commit}}")
        ]
        if not known:
            raise BadRequest(f"git knows no revision {named or ' or '.join(MAIN)}: name one with --base, or fetch it")
        return self._git("merge-base", known[0], head).decode().strip()

    def has_changed(self, base: str, head: str | None) -> bool:
        """Whether any file of the folder differs between a revision and another, or the files as they are where there is none."""
        here = ("--", str(self.include))
        if not self._succeeds("diff", "--quiet", base, *filter(None, [head]), *here):
            return True
        return head is None and bool(self._git("ls-files", "--others", "--exclude-standard", *here))

    def export(self, revision: str, folder: Path) -> Path:
        """Write the folder as a revision has it below another; gives where it is."""
        top = Path(self._git("rev-parse", "--show-toplevel").decode().strip())
        path = self.include.resolve().relative_to(top.resolve())
        archive = self._git("archive", "--format=tar", revision, f":(top){path.as_posix()}", folder=top)
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        return folder / path

    def _git(self, *arguments: str, folder: Path | None = None) -> bytes:
        done = self._run(arguments, folder)
        if done.returncode:
            raise BadRequest(f"git {arguments[0]}: {done.stderr.decode().strip() or 'found nothing'}")
        return done.stdout

    def _succeeds(self, *arguments: str) -> bool:
        return self._run(arguments).returncode == 0

    def _run(self, arguments: tuple[str, ...], folder: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(["git", "-C", str(folder or self.include), *arguments], capture_output=True, check=False)
        except FileNotFoundError:
            raise BadRequest("git is not installed: a data diff of a branch needs it") from None
