"""Ask pip-audit for known vulnerabilities of what constraints.txt pins; a minute at most.

Exit 1: some are known; they are listed. Exit 0: none is, or nothing could be asked, which is said.
Exit 2: pip-audit does not know a word.
More words are passed on, such as: --ignore-vuln ID
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
TIMEOUT_S = 60
USAGE = 2
"""With what pip-audit, as all that argparse reads for, ends where its words are wrong."""


def main() -> int:
    """Run pip-audit and put what it found in words."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(CONSTRAINTS), "--no-deps",
        "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "--format", "json",
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [*command, *sys.argv[1:]],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return say(f"SKIPPED: no answer within {TIMEOUT_S} s", 0)
    if done.returncode == USAGE:
        return say(done.stderr.strip(), USAGE)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return say(f"SKIPPED: nothing could be asked ({lines[-1][:200]})", 0)
    return say(*verdict(document))


def verdict(document: Mapping[str, Any]) -> tuple[str, int]:
    """Return what pip-audit's document says, in words, and the exit code."""
    packages = document["dependencies"]
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        return f"SKIPPED: the index knows no advisories on any of {len(packages)} packages", 0
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, mended in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}"
        for package in asked
        for found in package["vulns"]
    ]
    count = f"{len(lines)} known vulnerabilities in {len(asked)} of {len(packages)} packages"
    return "\n".join([*lines, count]), 1 if lines else 0


def say(words: str, code: int) -> int:
    """Print and pass on the exit code."""
    sys.stdout.write(f"{words}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
