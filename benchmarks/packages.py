"""How does the line do with several labels a text, and with pairs of texts? Debian's packages.

Debian's archive describes each package in English; for many, people have said what it is for, by
tags (debtags). Two tasks are made of that, with one package of each source, since packages of one
source describe themselves alike:

- several labels: of programs, which of the most frequent tags of ``FACETS`` they have. A tag that
  nobody has set counts as not there, so that truth itself has gaps.
- pairs: does this first line belong to this description? Half of the descriptions come with the
  line of another package of the same section. No package stands in two pairs.

Beside the encoder stands the baseline that every run has: TF-IDF and logistic regression, which
counts the words of a pair's texts apart. Selection on validation, one test. The indexes come from a
mirror of Debian 12, or from files (``--packages``, ``--translations``), which may be compressed by
xz. Should take about 15 minutes on 2 cores; --short (made-up packages, writes no file) half a one.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import plaudit
from common.side_by_side import RESULTS, Document, say

QUESTION = "How does the line do with several labels a text, and with pairs of texts?"
MIRROR = "http://deb.debian.org/debian/dists/bookworm/main"
INDEXES = {"packages": "binary-amd64/Packages.xz", "translations": "i18n/Translation-en.xz"}
FACETS = (
    "admin", "field", "game", "interface", "mail", "network", "science", "security", "sound",
    "use", "web", "works-with",
)  # fmt: skip
LABELS, ROWS = 16, 6_000
SETTINGS = [
    "text.max_tokens=128", "split.test_size=1500", "split.validation_size=500", "train.epochs=4",
    "train.batch_tokens=2048", "optim.lr=2e-4", "optim.head_lr=2e-3", "report.explain=false",
    "report.audit=false",
]  # fmt: skip
TASKS = {
    "several_labels": ["data.multilabel=true", "data.text=text", "data.label=label"],
    "pairs": ["data.text=line", "data.text_pair=description", "data.label=label"],
}


@dataclass(frozen=True, slots=True)
class Package:
    """What the archive says of a package.

    Attributes
    ----------
    name, section, line, description : str
        The first line of the description, and what follows it.
    tags : tuple of str
    """

    name: str
    section: str
    line: str
    description: str
    tags: tuple[str, ...]


def fields(index: str) -> Iterator[dict[str, str]]:
    """Read an index of Debian: blocks of ``Name: value``, values going on in indented lines."""
    for block in re.split(r"\n\s*\n", index):
        found: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line[:1].isspace() and name:
                found[name] += "\n" + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                found[name] = value.strip()
        if found:
            yield found


def read(packages: str, translations: str) -> list[Package]:
    """Return the first package of each source that is described and has tags."""
    told = {each["Package"]: each.get("Description-en", "") for each in fields(translations)}
    found: dict[str, Package] = {}
    for each in fields(packages):
        name = each["Package"]
        source = each.get("Source", name).split()[0]
        line, _, rest = told.get(name, "").partition("\n")
        # A line of one point parts paragraphs.
        description = " ".join(part for part in rest.split("\n") if part != ".")
        tags = tuple(tag.strip() for tag in each.get("Tag", "").split(",") if tag.strip())
        if source not in found and tags and description:
            found[source] = Package(name, each.get("Section", ""), line, description, tags)
    return list(found.values())


def several_labels(found: Sequence[Package], rows: int, seed: int) -> list[dict[str, Any]]:
    """Return texts of programs with the frequent tags that they have, in random order."""
    programs = [
        each
        for each in found
        if "role::program" in each.tags and any(tag.split("::")[0] in FACETS for tag in each.tags)
    ]
    counts = Counter(tag for each in programs for tag in each.tags if tag.split("::")[0] in FACETS)
    known = {tag for tag, _ in counts.most_common(LABELS)}
    order = np.random.default_rng(seed).permutation(len(programs))[:rows]
    return [
        {"text": f"{one.line}. {one.description}", "label": sorted(known.intersection(one.tags))}
        for one in (programs[n] for n in order)
    ]


def pairs(found: Sequence[Package], rows: int, seed: int) -> list[dict[str, Any]]:
    """Return first lines and descriptions, half of which belong together, in random order."""
    random = np.random.default_rng(seed)
    rows = min(rows, 2 * len(found) // 3)  # a line that is another's takes two packages
    order = [found[n] for n in random.permutation(len(found))]
    own, others = order[: rows // 2], order[rows // 2 :]
    made = [_pair(one, one, "its own") for one in own]
    waiting: dict[str, Package] = {}
    for one in others:
        other = waiting.pop(one.section, None)
        if other is None or other.line == one.line:
            waiting[one.section] = one
        elif len(made) < rows:
            made.append(_pair(one, other, "another's"))
    return [made[n] for n in random.permutation(len(made))]


def _pair(one: Package, other: Package, label: str) -> dict[str, Any]:
    return {"line": other.line, "description": one.description, "label": label}


def index(path: Path | None, place: str) -> str:
    """Return an index, from a file or from the mirror."""
    if path is None:
        say(f"{MIRROR}/{place}")
        with urllib.request.urlopen(f"{MIRROR}/{place}", timeout=60) as response:
            content = response.read()
    else:
        content = path.read_bytes()
    plain = lzma.decompress(content) if content.startswith(b"\xfd7zXZ") else content
    return plain.decode("utf-8")


def made_up(count: int) -> tuple[str, str]:
    """Return indexes of packages that there are not, to try the script on."""
    packages, translations = [], []
    for n in range(count):
        kind = ("use::gameplaying", "use::editing")[n % 2]
        word = ("game", "editor")[n % 2]
        packages.append(f"Package: p{n}\nSection: s{n % 3}\nTag: role::program, {kind}\n")
        translations.append(f"Package: p{n}\nDescription-en: {word} {n}\n A {word} number {n}.\n")
    return "\n".join(packages), "\n".join(translations)


def trained(task: str, rows: Sequence[dict[str, Any]], settings: Sequence[str]) -> dict[str, Any]:
    """Train on a table as its owner would, and return what the report says of the test rows."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / f"{task}.jsonl"
        table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        own = [f"data.train={table}", f"out={folder}", f"name={task}"]
        config = plaudit.load_config("imdb-minilm", [*own, *TASKS[task], *settings])
        report = plaudit.train(config).report
    # Without the loss of each step.
    training = {key: value for key, value in report["training"].items() if key != "history"}
    return {key: report[key] for key in ("test", "baseline", "decision")} | {"training": training}


def spelt(estimate: dict[str, float | None]) -> str:
    """Write a metric with its interval."""
    low, high = (
        "" if each is None else f"{each:.3f}" for each in (estimate["low"], estimate["high"])
    )
    return f"{estimate['value']:.3f} ({low} to {high})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="made-up packages; writes no file")
    parser.add_argument("--packages", type=Path)
    parser.add_argument("--translations", type=Path)
    parser.add_argument("--task", choices=list(TASKS), action="append", help="repeatable; both")
    parser.add_argument("--out", type=Path, default=RESULTS / "packages.json")
    args = parser.parse_args()
    settings = SETTINGS
    if args.short:
        given = made_up(80)
        settings = [
            *SETTINGS, "split.test_size=20", "split.validation_size=20", "train.max_steps=2",
            "text.max_tokens=16",
        ]  # fmt: skip
    else:
        given = tuple(index(getattr(args, name), place) for name, place in INDEXES.items())
    found = read(*given)
    document = Document(None if args.short else args.out, QUESTION)
    for task in args.task or TASKS:
        rows = {"several_labels": several_labels, "pairs": pairs}[task](found, ROWS, seed=0)
        say(f"{task}: {len(rows):,} of {len(found):,} packages with tags")
        outcome = trained(task, rows, settings)
        document.put(task, {"rows": len(rows), "settings": [*TASKS[task], *settings]} | outcome)
        beside = outcome["baseline"]["scores"]["metrics"]
        for name, own in outcome["test"]["metrics"].items():
            say(f"  {name:20} {spelt(own):24} {outcome['baseline']['name']} {spelt(beside[name])}")


if __name__ == "__main__":
    main()
