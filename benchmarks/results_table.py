"""What each option of the craft gives: the tables of docs/results.md, from what was measured.

Without an option, the tables are written anew from the raw results, and nothing is measured.
``--measure NAME …`` first runs experiments of ``experiments.toml``, each one ``plaudit ablate``,
some after a ``before`` that is to be run by hand; what was interrupted goes on when the same is
asked for again. Every value of an experiment gets the same steps, rows and seeds, and is compared
on validation alone.
"""

from __future__ import annotations

import argparse
import re
import shlex
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.side_by_side import RESULTS, Document, machine, say
from composition import ARMS
from plaudit.ablate.ablation import ablate
from plaudit.ablate.arms import choices_of

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "results.md"
SECTION, SUMMARY, TOGETHER = "ablation", "summary", "composition"
UNEQUAL = {
    "imbalance": "Classes of unequal size",
    "imbalance_amx": "Classes of unequal size, on a processor",
}
_BLOCK = re.compile(r"<!-- measured: ([\w-]+) -->\n.*?<!-- end -->\n", re.DOTALL)
_TRIED = [
    "text.max_tokens=16", "split.train_size=40", "split.validation_size=24",
    "train.max_seconds=none", "train.batch_examples=8", "model.freeze_layers=5",
]  # fmt: skip


def experiments() -> dict[str, dict[str, Any]]:
    """Name → title, command, and commands to run before it, in the order of the page."""
    with (HERE / "experiments.toml").open("rb") as file:
        return tomllib.load(file)


def arguments(command: str) -> argparse.Namespace:
    """Take ``plaudit ablate RECIPE KEY=A,B … [--seeds N] [--budget B]`` apart."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    parser.add_argument("settings", nargs="+")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budget", default="steps", choices=("steps", "own"))
    _, _, *words = shlex.split(command)
    return parser.parse_intermixed_args(words)


def measure(command: str, *further: str) -> dict[str, Any]:
    """Run a command, and return its table without the folder, which is of this machine only."""
    asked = arguments(command)
    choices, shared = choices_of([*asked.settings, *further])
    table = ablate(asked.what, choices, shared, seeds=asked.seeds, budget=asked.budget)
    return {key: value for key, value in table.items() if key != "folder"}


def stored(name: str, folder: Path) -> dict[str, Any]:
    """Return the raw result of an experiment; empty when it has not been measured."""
    return Document.read(folder / f"{name}.json").get(SECTION, {})


def block(name: str, result: Mapping[str, Any]) -> str:
    """Lay a raw result out as Markdown between its marks."""
    table, machine = result["table"], result["machine"]
    device = machine.get("gpu") or machine["processor"]
    commands = [*result.get("before", []), result["command"]]
    heads = [
        "value", "accuracy", "of each seed", "− first", "log loss", "ECE", "epochs", "tokens lost"
    ]  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [f"| {' | '.join(_cells(arm))} |" for arm in table["arms"]]
    broken = table.get("failed", [])
    lines += [f"| {each['name']} | training broke: {each['why']} |" for each in broken]
    level = round(100 * table["interval"]["confidence"])
    note = (
        f"{table['rows']:,} validation rows; {table['seeds']} seeds, means over them; {level}% "
        f"intervals over rows. {device}, torch {machine['torch']}, commit "
        f"{machine['commit']}, {machine['time'][:10]}."
    )
    shown = ["```", *commands, "```", "", *lines, "", note]
    return "\n".join([f"<!-- measured: {name} -->", *shown, "<!-- end -->", ""])


def _cells(arm: Mapping[str, Any]) -> list[str]:
    metrics, seeds = arm["metrics"], arm["by_seed"]["accuracy"]
    name = " ".join(f"{key.partition('.')[2]}={value}" for key, value in arm["values"].items())
    difference = "" if arm["difference"] is None else _share(arm["difference"]["accuracy"], "+")
    return [
        name,
        _share(metrics["accuracy"]),
        ", ".join(f"{100 * value:.1f}" for value in seeds),
        difference,
        f"{metrics['log_loss']['value']:.3f}",
        f"{100 * metrics['ece']['value']:.1f}",
        f"{arm['epochs']:.2g}",
        f"{100 * arm['tokens_lost']:.0f}%",
    ]


def _share(estimate: Mapping[str, float | None], sign: str = "") -> str:
    value, low, high = (
        None if each is None else f"{100 * each:{sign}.1f}".replace("-", "−")
        for each in (estimate["value"], estimate["low"], estimate["high"])
    )
    return f"{value}" if low is None else f"{value} ({low} to {high})"


def summary(folder: Path) -> str:
    """Lay out, between its marks, what each value gave beside the first of its table, best first.

    Parameters
    ----------
    folder : Path
        Of the raw results.

    Returns
    -------
    str
        Empty when nothing was measured, or nothing that is paired.
    """
    found = []
    for name, each in experiments().items():
        table = stored(name, folder).get("table")
        for arm in table["arms"] if table else ():
            if arm["difference"] is not None:
                first = table["arms"][0]["values"]
                gained, lost = (arm["difference"][key] for key in ("accuracy", "log_loss"))
                link = re.sub(r"[^\w -]", "", each["title"].lower()).replace(" ", "-")
                cells = [
                    f"[{_named(arm['values'])}](#{link})", _named(first), _told(gained, 100, ".1f"),
                    _told(lost, 1, ".3f"), f"{table['rows']:,}",
                ]  # fmt: skip
                found.append((gained["value"], cells))
    if not found:
        return ""
    heads = ["value", "instead of", "accuracy", "log loss (less is better)", "rows"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    best_first = sorted(found, key=lambda each: -each[0])
    lines += [f"| {' | '.join(cells)} |" for _, cells in best_first]
    return "\n".join([f"<!-- measured: {SUMMARY} -->", *lines, "<!-- end -->", ""])


def _named(values: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items())


def _told(estimate: Mapping[str, float], scale: float, form: str) -> str:
    """Write a difference with its interval; in bold when the interval does not hold 0."""
    value, low, high = (
        f"{scale * estimate[key]:+{form}}".replace("-", "−") for key in ("value", "low", "high")
    )
    shown = f"{value} ({low} to {high})"
    return f"**{shown}**" if estimate["low"] > 0 or estimate["high"] < 0 else shown


def unequal(name: str, result: Mapping[str, Any]) -> str:
    """Lay the raw result of ``imbalance.py`` out as Markdown between its marks."""
    columns = {
        "rare class's F1": ("natural", "minority_f1"),
        "the same, 1:1": ("balanced", "minority_f1"),
        "balanced accuracy": ("natural", "balanced_accuracy"),
        "ECE": ("natural", "ece"),
    }
    lines = [f"| ratio | method | {' | '.join(columns)} |", "|" + "---|" * (2 + len(columns))]
    for row in result["summary"]:
        spreads = (row[part][metric] for part, metric in columns.values())
        cells = [
            f"{100 * s['mean']:.1f} ({100 * s['low']:.1f} to {100 * s['high']:.1f})"
            for s in spreads
        ]
        lines.append(f"| 1:{row['ratio']} | {row['method']} | {' | '.join(cells)} |")
    machine, seeds = result["machine"], {row["seeds"] for row in result["summary"]}
    note = (
        f"{'/'.join(map(str, sorted(seeds)))} seeds, their mean and range, {result['steps']} steps "
        f"each. {machine.get('gpu') or machine['processor']}, torch {machine['torch']}, commit "
        f"{machine['commit']}."
    )
    note = " ".join([note, result["note"]] if "note" in result else [note])
    shown = ["```", *result["commands"], "```", "", *lines, "", note]
    return "\n".join([f"<!-- measured: {name} -->", *shown, "<!-- end -->", ""])


def together(result: Mapping[str, Any]) -> str:
    """Lay the raw result of ``composition.py`` out as Markdown between its marks."""
    heads = ["what", "accuracy", "of each seed", "over the first", "log loss", "ECE"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    every = {name: each for name, each in result["runs"].items() if name != "machine"}
    for arm, what in ARMS.items():
        if (found := result["arms"].get(arm)) is None:
            continue
        tests = [each["test"] for name, each in every.items() if name.startswith(f"{arm}-")]
        loss, ece = (
            sum(test[name]["value"] for test in tests) / len(tests) for name in ("log_loss", "ece")
        )
        accuracy = found["accuracy"]
        cells = [
            what,
            f"{accuracy['value']:.1f} ({accuracy['low']:.1f} to {accuracy['high']:.1f})",
            ", ".join(f"{value:.1f}" for value in found["seeds"]),
            _told(found["over_plain"], 1, ".1f") if "over_plain" in found else "",
            f"{loss:.3f}",
            f"{100 * ece:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    (rows,) = {each["rows"] for each in every.values()}
    made = {
        (each["commit"], *map(each["machine"].get, ("compute", "torch"))) for each in every.values()
    }
    machines = sorted(
        f"{compute}, torch {torch}, commit {commit}" for commit, compute, torch in made
    )
    note = (
        f"{rows:,} held-out rows; means over seeds, 95% intervals over rows, differences paired. "
        f"{'; '.join(machines)}."
    )
    shown = ["```", "python benchmarks/composition.py", "```", "", *lines, "", note]
    return "\n".join([f"<!-- measured: {TOGETHER} -->", *shown, "<!-- end -->", ""])


def page(text: str, folder: Path) -> str:
    """Return the page with each table anew; one that it lacks is put at its end.

    Raises
    ------
    SystemExit
        The page has a table of what was not measured.
    """
    titles = {TOGETHER: "All together, on all reviews", SUMMARY: "All in one table"}
    titles |= {name: each["title"] for name, each in experiments().items()} | UNEQUAL
    known = {name: block(name, found) for name in experiments() if (found := stored(name, folder))}
    if lines := summary(folder):
        known[SUMMARY] = lines
    if found := Document.read(folder.parent / f"{TOGETHER}.json"):
        known[TOGETHER] = together(found)
    for name in UNEQUAL:
        if found := Document.read(folder.parent / f"{name}.json"):
            known[name] = unequal(name, found)

    def again(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise SystemExit(f"{PAGE.name}: a table of {match[1]!r}, which was not measured")
        return known[match[1]]

    written = _BLOCK.sub(again, text)
    there = {match[1] for match in _BLOCK.finditer(text)}
    for name, title in titles.items():
        if name in known and name not in there:
            written += f"\n## {title}\n\n{known[name]}"
    return written


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", nargs="+", default=[], choices=list(experiments()))
    parser.add_argument("--raw", action="store_true", help="keep raw results, write no table yet")
    parser.add_argument("--list", action="store_true", help="what there is and what is measured")
    parser.add_argument("--short", action="store_true", help="a toy of two values; writes no file")
    args = parser.parse_args()
    folder = RESULTS / "ablate"
    if args.short:
        toy = f"plaudit ablate quickstart text.policy=head,tail {shlex.join(_TRIED)}"
        with tempfile.TemporaryDirectory() as out:
            for arm in measure(toy, f"out={out}")["arms"]:
                say(" | ".join(_cells(arm)))
        return
    if args.list:
        for name, each in experiments().items():
            say(f"{name:14} {'measured' if stored(name, folder) else '':9} {each['command']}")
        return
    for name in args.measure:
        each = experiments()[name]
        say(f"{name}: {each['command']}")
        document = Document(folder / f"{name}.json", each["title"])
        machine()  # the commit that measures, not the one that others' results will be
        given = {key: each[key] for key in ("before", "command") if key in each}
        document.put(SECTION, given | {"table": measure(each["command"])})
    if args.raw:
        return
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), folder), encoding="utf-8")


if __name__ == "__main__":
    main()
