"""An audit as lines and tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report.words import count, duration, percent

TableOf = tuple[list[str], list[list[str]]]
_MOST_LABELS = 20
_WORDS = 8


def opening(document: Mapping[str, Any]) -> list[str]:
    """Say what was looked at.

    Parameters
    ----------
    document : mapping
        What ``Audit.to_dict`` returned.

    Returns
    -------
    list of str
    """
    lengths = document["lengths"]
    split = "its own parts" if document["official_split"] else "the parts that plaudit would make"
    if len(document["parts"]) == 1 and not document["official_split"]:
        split = "undivided, since not every label would stand in each part (split.validation_size, "
        split += "split.test_size)"
    return [
        f"{document['data']}: {count(document['rows'])} rows, {len(document['labels'])} labels; "
        f"{split}. {document['note']}",
        f"tokens of {lengths['encoder']}: median {count(lengths['median'])}, mean "
        f"{count(lengths['mean'])}, 95% up to {count(lengths['p95'])}, longest "
        f"{count(lengths['max'])}",
        "",
    ]


def class_table(document: Mapping[str, Any]) -> TableOf:
    """Lay out the rows of each label and part."""
    parts = document["parts"]
    labels = sorted(document["labels"].items(), key=lambda item: -item[1])
    rows = [
        [
            label,
            count(total),
            percent(total / document["rows"]),
            *(count(part["labels"][label]) for part in parts if len(parts) > 1),
        ]
        for label, total in labels[:_MOST_LABELS]
    ]
    if len(labels) > _MOST_LABELS:
        rest = sum(total for _, total in labels[_MOST_LABELS:])
        blank = [""] * (len(rows[0]) - 3)
        name = f"{len(labels) - _MOST_LABELS} more"
        rows.append([name, count(rest), percent(rest / document["rows"]), *blank])
    names = [part["name"] for part in parts if len(parts) > 1]
    return ["label", "rows", "share", *names], rows


def policy_table(document: Mapping[str, Any]) -> TableOf:
    """Lay out what each long-text policy would cut."""
    lengths = document["lengths"]
    rows = [
        [cut["policy"], count(cut["texts"]), percent(cut["lost"]), f"{cut['pieces']:.2f}"]
        for cut in lengths["policies"]
    ]
    title = f"at {count(lengths['max_tokens'])} tokens"
    return [title, "texts cut", "tokens lost", "pieces a text"], rows


def finding_lines(document: Mapping[str, Any]) -> list[str]:
    """Put each finding into lines: what it is, the first examples, what to do."""
    lines: list[str] = []
    for finding in document["findings"]:
        lines += ["", f"{finding['severity'].upper()} {finding['code']}: {finding['title']}."]
        for example in finding["examples"][:2]:
            detail = f" [{example['detail']}]" if example["detail"] else ""
            lines.append(f"  {example['origin']} {example['label']}{detail}")
            if example["excerpt"]:
                lines.append(f"    {example['excerpt']}")
        lines.append(f"  -> {finding['fix']}")
    return lines or ["", "No finding."]


def closing(document: Mapping[str, Any]) -> list[str]:
    """Say what goes with each label, how much noise is expected, and what was written."""
    lines = [""]
    words: dict[str, list[str]] = {}
    for word in document["telling_words"]:
        words.setdefault(word["label"], []).append(word["word"])
    lines += [f"goes with {label}: {', '.join(found[:_WORDS])}" for label, found in words.items()]
    if (noise := document["label_noise"]) is not None:
        lines.append(
            f"label noise: {percent(noise['noise'])} estimated, hard rows included; judged "
            f"{count(noise['rows'])} rows by {noise['judged_by']}, right on "
            f"{percent(noise['accuracy'])}"
        )
    if (written := document.get("written")) is not None:
        files = ", ".join(written["files"].values())
        lines.append(
            f"written: {files}: {count(written['kept'])} rows kept, {count(written['dropped'])} "
            f"dropped, {count(written['changed'])} changed; why: {written['ledger']}"
        )
    return [*lines, f"took {duration(document['seconds'])}"]
