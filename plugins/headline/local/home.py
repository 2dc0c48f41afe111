"""HEADLINE_HOME: the one folder that holds all that a run makes."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from headline.airflow_api import ADMIN, SECRETS
from headline.errors import BadRequest
from headline.local import environment
from headline.local.private import check_own, private_folder, write_private
from headline.local.secrets import Secrets
from headline.settings import PROJECT, default_home

HEADER = "# Made by Headline's set-up. It holds the keys of this home: keep it out of version control."
DERIVED = "# What follows is derived from the above at every set-up."


@dataclass(frozen=True)
class Home:
    """Where one installation keeps its data, logs and keys."""

    path: Path

    @classmethod
    def current(cls) -> Home:
        """The home that HEADLINE_HOME names, else the default."""
        named = Path(os.environ.get("HEADLINE_HOME") or default_home()).expanduser()
        return cls(named.parent.resolve() / named.name)

    @property
    def env_file(self) -> Path:
        return self.path / "env"

    @property
    def login_file(self) -> Path:
        return self.path / "login"

    @property
    def secrets(self) -> Secrets:
        return Secrets(self.path / SECRETS)

    @property
    def login(self) -> Text:
        """Where the UI is, which file tells how to log in, and how to stop it, for the screen, which others may see."""
        stop = "make down" if self.path == PROJECT / ".headline" else f"make down HEADLINE_HOME={self.path}"
        kept = (f"user and password: see {self.login_file}; to stop it: {stop}", "dim")
        return Text.assemble(("Airflow", "bold"), f": {self.environment()['AIRFLOW__API__BASE_URL']}\n", kept)

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def is_ours(self) -> bool:
        """Whether set-up made this folder, so that it may be removed."""
        return self.env_file.is_file() and not self.env_file.is_symlink() and self.env_file.read_text().startswith(HEADER)

    def make(self) -> None:
        """Create the folder, closed to others; raises BadRequest where it holds somebody else's things, or links.

        A link could have been planted to have another file written, or another folder's rights changed.
        """
        if self.path.exists() or self.path.is_symlink():
            check_own(self.path)
        if not self.is_ours:
            if self.path.exists() and any(self.path.iterdir()):
                raise BadRequest(f"HEADLINE_HOME={self.path} holds other things: name a folder that is new or empty")
            private_folder(self.path)
            write_private(self.env_file, f"{HEADER}\n")
        for path in self.path.iterdir():
            if path.is_symlink() and path != self.postgres:  # which looks after its own
                raise BadRequest(f"{path} is a link to {path.readlink()}: remove it")
        for folder in ("airflow", "datashare", "landing", "logs"):
            (self.path / folder).mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Be the only one who starts this home; raises BadRequest while somebody else does."""
        self.make()
        with os.fdopen(os.open(self.path / "starting", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadRequest(f"{self.path} is being started by another command: wait for it, or make down") from None
            yield

    def check_ours(self) -> None:
        """Raise BadRequest unless set-up made this folder."""
        if not self.is_ours:
            raise BadRequest(f"HEADLINE_HOME={self.path} does not look like a home that set-up made: nothing was removed")

    def remove(self) -> None:
        """Remove the folder with all data; raises BadRequest unless set-up made it."""
        self.check_ours()
        shutil.rmtree(self.path)

    def environment(self) -> dict[str, str]:
        """The variables that set-up wrote; empty before the first set-up."""
        return parse(self.env_file.read_text()) if self.env_file.is_file() else {}

    def write(self, postgres_socket: Path, choices: Mapping[str, str]) -> dict[str, str]:
        """Write and return the variables of this home; `choices` overrule what was chosen before."""
        before = kept_in(self.env_file)
        secrets, kept = self.secrets, environment.kept(before, choices)
        secrets.make(before=environment.once_kept(before))
        write_private(secrets.path("airflow_database"), secrets.airflow_database(str(postgres_socket)))
        place = environment.Place.of_machine(self.path, postgres_socket, kept)
        variables = environment.derived(place, secrets, kept) | kept
        derived = {name: value for name, value in variables.items() if name not in kept}
        write_private(self.env_file, "\n".join([HEADER, *lines(kept), DERIVED, *lines(derived), ""]))
        login = [variables["AIRFLOW__API__BASE_URL"], f"user: {ADMIN}", f"password: {secrets['admin']}", ""]
        write_private(self.login_file, "\n".join(login))
        return variables

    def lent(self, postgres_socket: Path) -> dict[str, str]:
        """The connections that set-up alone has, as JSON by conn_id."""
        return environment.lent(str(postgres_socket), self.secrets, kept_in(self.env_file))


def chosen_in_shell() -> dict[str, str]:
    """The settings that the caller's environment states, apart from those that only repeat the file of the current home."""
    known = Home.current().environment()
    return {name: os.environ[name] for name in environment.CHOICES if os.environ.get(name, known.get(name)) != known.get(name)}


def kept_in(env_file: Path) -> dict[str, str]:
    """What was chosen, or made once, of the variables of such a file; nothing where there is none."""
    return parse(env_file.read_text().partition(DERIVED)[0]) if env_file.is_file() else {}


def parse(text: str) -> dict[str, str]:
    """KEY=VALUE lines, the value as it stands; comments and empty lines apart."""
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def lines(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in variables.items()]
