"""The data with fixes made, and the ledger that accounts for every row that is not as it was."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.audit.reading import raw_texts
from plaudit.audit.records import Change, Found, Table
from plaudit.audit.repeats import NEARLY, same_texts
from plaudit.config import CleanConfig
from plaudit.data import outputs
from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprints
from plaudit.data.problems import did_you_mean
from plaudit.errors import ConfigError, DataError

FIXES = (
    "empty",
    "leaks",
    "conflicts",
    "duplicates",
    "tiny",
    "huge",
    "not_english",
    "mojibake",
    "ratings",
    "label_errors",
    "near_leaks",
    "near_duplicates",
)
"""In the order in which a row that several would drop is accounted for.

The near ones are last: which row of a group stays is chosen among those that nothing else drops.
"""
DEFAULT_FIXES = ("empty", "leaks", "conflicts", "duplicates")
"""Fixes about which there is no judgement to make."""
_LEDGER = ("origin", "part", "label", "action", "fix", "why")
_BLOCK = 2000
_MENDED = "once texts are mended"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    files : dict of str to Path
        One a part; the one file of a plain table has the part ``all``.
    ledger : Path
    kept, dropped, changed : int
        Rows.
    """

    files: dict[str, Path]
    ledger: Path
    kept: int
    dropped: int
    changed: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "files": {part: str(path) for part, path in self.files.items()},
            "ledger": str(self.ledger),
            "kept": self.kept,
            "dropped": self.dropped,
            "changed": self.changed,
        }


Mend = tuple[str, str, Callable[[str], str]]
"""The fix, why, and from the raw text to what takes its place."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of the rows: dropped or mended, by which fix and why."""

    dropped: dict[int, tuple[str, str]]
    mended: dict[int, list[Mend]]


def check_fixes(fixes: Sequence[str]) -> tuple[str, ...]:
    """Return the fixes meant, ``default`` written out, in the order of the ledger.

    Raises
    ------
    ConfigError
        One is unknown.
    """
    allowed = ("default", *FIXES)
    if unknown := [f"--fix: there is no fix {fix!r}{did_you_mean(fix, allowed)}; allowed are "
                   f"{', '.join(allowed)}." for fix in fixes if fix not in allowed]:  # fmt: skip
        raise ConfigError(unknown)
    wanted = {"empty", *fixes, *(DEFAULT_FIXES if "default" in fixes else ())}
    return tuple(fix for fix in FIXES if fix in wanted)


def check_out(out: Path) -> None:
    """Fail before the audit where its result cannot be written.

    Raises
    ------
    ConfigError
        It is no new ``.parquet`` file in a folder that exists.
    """
    if out.suffix != ".parquet":
        raise ConfigError(f"{out}: the data is written as .parquet; name such a file.")
    for path in (out, _ledger(out)):
        outputs.check_new(path)


def write(table: Table, found: Sequence[Found], out: Path, fixes: Sequence[str]) -> Written:
    """Write the data with fixes made; see :meth:`plaudit.audit.examine.Audit.write`."""
    plan = _plan(table, found, check_fixes(fixes))
    files = _files(table, out)
    check_out(out)
    for path in files.values():
        check_out(path)
    kept = [row for row in range(len(table)) if row not in plan.dropped]
    if not kept:
        raise DataError("The fixes leave no row. Choose fewer with --fix.")
    staged = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in files.values()}
    ledger = _ledger(out)
    staged[ledger] = ledger.with_name(f".{ledger.name}.{os.getpid()}.part")
    try:
        changed = _write_parts(table, plan, {part: staged[path] for part, path in files.items()})
        _write_ledger(table, plan, staged[ledger], changed)
        for path, part in staged.items():
            part.replace(path)
    finally:
        for part in staged.values():
            part.unlink(missing_ok=True)
    dropped = len(plan.dropped) + len(table.blank)
    return Written(files, ledger, len(kept), dropped, len(changed))


def _ledger(out: Path) -> Path:
    return out.with_suffix(".ledger.csv")


def _files(table: Table, out: Path) -> dict[str, Path]:
    """Keep parts apart that are the data's own, or whose neighbours a draw would separate."""
    parts = [part for part in table.parts if part != "left out"]
    if len(parts) == 1 or not (table.official or table.order == "blocks"):
        return {"all": out}
    return {part: out.with_suffix(f".{part}.parquet") for part in parts}


def _plan(table: Table, found: Sequence[Found], fixes: Sequence[str]) -> _Plan:
    changes = {each.finding.code: each.changes for each in found}
    dropped: dict[int, tuple[str, str]] = {}
    mended: defaultdict[int, list[Mend]] = defaultdict(list)
    near = [fix for fix in fixes if fix.startswith("near_")]
    for fix in fixes:
        for change in changes.get(fix, ()) if fix not in near else ():
            if change.mend is None:
                dropped.setdefault(change.row, (fix, change.why))
            else:
                mended[change.row].append((fix, change.why, change.mend))
    if table.order == "blocks" and "left out" in table.parts:
        for row in np.flatnonzero(table.parts_N == table.parts.index("left out")).tolist():
            dropped.setdefault(row, ("split", "its text stands in a later part"))
    staying = {row: each for row, each in mended.items() if row not in dropped}
    dropped |= _once_mended(table, dropped, staying, fixes)
    for fix in near:
        _drop_near(table, dropped, fix, changes.get(fix, ()))
    return _Plan(dropped, {row: each for row, each in mended.items() if row not in dropped})


def _once_mended(
    table: Table,
    dropped: Mapping[int, tuple[str, str]],
    mended: Mapping[int, list[Mend]],
    fixes: Sequence[str],
) -> dict[int, tuple[str, str]]:
    """Return the rows that mending leaves without a text, or with that of another row."""
    if not mended:
        return {}
    cleaning = CleanConfig()
    texts = {
        row: clean(_applied(text, mended[row])[0], cleaning)
        for row, text in enumerate(raw_texts(table))
        if row in mended
    }
    why = "nothing is left of its text once that is mended"
    gone = {row: ("empty", why) for row, text in texts.items() if not text}
    prints_N = table.rows.prints_N.copy()
    prints_N[[*texts]] = fingerprints([*texts.values()])
    goes = [*dropped, *gone]
    left_K = np.setdiff1d(np.arange(len(table)), goes)
    rows = replace(table.rows, prints_N=prints_N).take(left_K)
    # What was so before has been dealt with, or was not to be.
    for each in same_texts(replace(table, rows=rows, parts_N=table.parts_N[left_K])):
        for change in each.changes if each.finding.code in fixes else ():
            row = int(left_K[change.row])
            gone.setdefault(row, (each.finding.code, f"{change.why}, {_MENDED}"))
    if table.order == "blocks" and not table.official:
        rank_K = table.rank_N()[left_K]
        _, group_K = np.unique(rows.prints_N, return_inverse=True)
        nearest_G = np.full(len(left_K), len(table.parts))
        np.minimum.at(nearest_G, group_K, rank_K)
        for row in left_K[rank_K > nearest_G[group_K]].tolist():
            gone.setdefault(row, ("split", f"its text stands in a later part, {_MENDED}"))
    return gone


def _drop_near(
    table: Table, dropped: dict[int, tuple[str, str]], fix: str, changes: Iterable[Change]
) -> None:
    """Drop all but one of each group of nearly equal texts: one that nothing else drops."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for change in changes:
        assert change.kept is not None  # noqa: S101 - near texts always name it
        groups[change.kept].append(change.row)
    rank_N = table.rank_N()
    for kept, others in groups.items():
        rows = [row for row in (kept, *others) if row not in dropped]
        stays = kept if kept in rows else min(rows, key=lambda row: (rank_N[row], row), default=-1)
        why = NEARLY.format(table.rows.origins[stays])
        # With the row of a later part gone, two of one part are no leak.
        leaks = [row for row in rows if rank_N[row] > rank_N[stays]]
        gone = leaks if fix == "near_leaks" else [row for row in rows if row != stays]
        dropped |= dict.fromkeys(gone, (fix, why))


def _applied(text: str, mends: Iterable[Mend]) -> tuple[str, set[str]]:
    """Return a text as mended, and the fixes that changed it."""
    changed = set()
    for fix, _, mend in mends:
        before, text = text, mend(text)
        if text != before:
            changed.add(fix)
    return text, changed


def _write_parts(table: Table, plan: _Plan, staged: dict[str, Path]) -> dict[int, set[str]]:
    """Write the rows that stay; return by which fixes a row's text was changed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("text", pa.string()), ("label", pa.string()), ("origin", pa.string())])
    writers = {part: pq.ParquetWriter(path.absolute(), schema) for part, path in staged.items()}
    waiting: dict[str, list[dict[str, str]]] = {part: [] for part in staged}
    changed: dict[int, set[str]] = {}
    try:
        for row, text in enumerate(raw_texts(table)):
            if row in plan.dropped:
                continue
            mended, by = _applied(text, plan.mended.get(row, ()))
            if by:
                changed[row] = by
            part = table.part(row) if len(staged) > 1 else "all"
            waiting[part].append(
                {"text": mended, "label": table.label(row), "origin": table.rows.origins[row]}
            )
            if len(waiting[part]) == _BLOCK:
                writers[part].write_table(pa.Table.from_pylist(waiting[part], schema))
                waiting[part] = []
        for part, writer in writers.items():
            writer.write_table(pa.Table.from_pylist(waiting[part], schema))
    finally:
        for writer in writers.values():
            writer.close()
    return changed


def _write_ledger(table: Table, plan: _Plan, path: Path, changed: dict[int, set[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_LEDGER)
        writer.writerows(_entries(table, plan, changed))


def _entries(table: Table, plan: _Plan, changed: dict[int, set[str]]) -> Iterator[Sequence[str]]:
    for blank in table.blank:
        yield blank.origin, blank.part, blank.label, "dropped", "empty", "it has no text"
    for row in sorted({*plan.dropped, *changed}):
        place = table.rows.origins[row], table.part(row), table.label(row)
        if row in plan.dropped:
            yield *place, "dropped", *plan.dropped[row]
            continue
        for fix, why, _ in plan.mended[row]:
            if fix in changed[row]:
                yield *place, "changed", fix, why
