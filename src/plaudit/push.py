"""A model folder to the Hugging Face hub."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plaudit import artifact
from plaudit.artifact.spec import CARD
from plaudit.data import network
from plaudit.data.sources import silent
from plaudit.errors import ConfigError, PlauditError
from plaudit.report.pages import REPORT

QUOTING = ("report.html", "report.json")
"""They quote reviews, which may not be the user's to publish."""
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the hub now has.

    Attributes
    ----------
    url : str
        Of the model's page.
    commit : str
        Of the upload.
    files : tuple of str
    """

    url: str
    commit: str
    files: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"url": self.url, "commit": self.commit, "files": list(self.files)}


def push(
    model: Path | str,
    name: str,
    *,
    public: bool = False,
    update: bool = False,
    with_report: bool = False,
    say: Callable[[str], None] = silent,
) -> Pushed:
    """Upload a verified model folder, its card included.

    Parameters
    ----------
    model : Path or str
        The model folder.
    name : str
        ``owner/name`` on the hub.
    public : bool
        A new repository is private otherwise. One that is there stays as it is.
    update : bool
        Add a commit to a repository that has files; the hub keeps the earlier ones.
    with_report : bool
        Upload ``report.html`` and ``report.json`` too. They quote reviews.
    say : callable

    Returns
    -------
    Pushed

    Raises
    ------
    plaudit.errors.ArtifactError
        A file of the model is missing or changed.
    plaudit.errors.ConfigError
        The name is none, is taken, or the user may not write there; or the network is forbidden.
    plaudit.errors.PlauditError
        The hub does not answer, or refuses for another reason.

    Examples
    --------
    >>> import plaudit
    >>> plaudit.push("runs/quickstart/model", "me")
    Traceback (most recent call last):
    plaudit.errors.ConfigError: 'me' is not a name on the hub; write owner/name
    """
    _check_name(name)
    folder = Path(model)
    artifact.verify(folder)
    files = _files(folder, with_report=with_report)
    if network.offline():
        raise ConfigError(
            "plaudit push needs the network, which PLAUDIT_OFFLINE or HF_HUB_OFFLINE forbids"
        )
    from huggingface_hub import HfApi

    api = HfApi(endpoint=network.endpoint(), library_name="plaudit")
    with _explained(name):
        _claim(api, name, public=public, update=update)
        say(f"{name}: uploading {len(files)} files to {api.endpoint}")
        done = api.upload_folder(
            repo_id=name,
            folder_path=folder,
            allow_patterns=list(files),
            commit_message="Upload with plaudit",
        )
    return Pushed(f"{api.endpoint}/{name}", str(done.oid), files)


def _files(folder: Path, *, with_report: bool) -> tuple[str, ...]:
    listed = {artifact.MANIFEST, *artifact.files_of(folder)}
    if CARD not in listed or not (folder / CARD).is_file():
        remedy = (
            f"Write it anew: plaudit report {shlex.quote(str(folder))}"
            if (folder / REPORT).is_file()
            else f"Nor has it the {REPORT} that a card is written from: take a fresh copy."
        )
        raise ConfigError(
            f"{folder} has no model card ({CARD}), without which nobody can tell what the model "
            f"is for. {remedy}"
        )
    left_out = () if with_report else QUOTING
    return tuple(sorted(f for f in listed if f not in left_out and (folder / f).is_file()))


def _claim(api: Any, name: str, *, public: bool, update: bool) -> None:
    """Make the repository, or see that the one there is empty or may be added to."""
    if not api.repo_exists(name):
        api.create_repo(name, private=not public)
        return
    there = [file for file in api.list_repo_files(name) if file != ".gitattributes"]
    if there and not update:
        raise ConfigError(
            f"{name} is there already and holds {len(there)} files. Choose another name, or add "
            "a commit to it with --update."
        )


def _check_name(name: str) -> None:
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    why = ""
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        why = f" ({_first_line(error)})"
    if why or not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not a name on the hub{why}; write owner/name")


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what the hub's library raises into what a user can act on."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalTokenNotFoundError

    try:
        yield
    except LocalTokenNotFoundError as error:
        raise ConfigError(_login(name)) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise ConfigError(f"{_login(name)} (The hub said {status}.)") from error
        raise PlauditError(f"the hub refused {name}: {_first_line(error)}") from error
    except (HTTPError, OSError) as error:
        raise PlauditError(
            f"{network.endpoint()} does not answer ({_first_line(error)}). Check the network. What "
            "may have been uploaded is not lost: plaudit push --update goes on."
        ) from error


def _login(name: str) -> str:
    owner = name.partition("/")[0]
    return (
        f"the hub has no token of yours that may write to {owner}. Make one with write access, "
        "then log in: hf auth login, or set HF_TOKEN."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
