"""The memory that a model takes: measured in a process of its own, which never gives a peak back.

python -P -m plaudit.bench.memory MODEL DEVICE PRECISION < texts.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process took that labels texts; MB of 10^6 bytes.

    Attributes
    ----------
    start_mb : float
        Python alone, before anything of plaudit's was imported.
    peak_mb : float
        The largest resident size until the last text was labelled: libraries, model, texts.
    gpu_mb : float or None
        The largest that tensors took on a GPU.
    """

    start_mb: float
    peak_mb: float
    gpu_mb: float | None

    @property
    def above_start_mb(self) -> float:
        """What came on top of Python itself."""
        return self.peak_mb - self.start_mb


def measure(model: Path, device: str, precision: str, texts: Sequence[str]) -> Memory | str:
    """Load a model in a new process, label texts, and read that process's peak.

    Parameters
    ----------
    model : Path
    device, precision : str
        As for :meth:`plaudit.predict.Classifier.load`.
    texts : sequence of str

    Returns
    -------
    Memory or str
        Why there is none, in words: other measurements should not be lost for it.
    """
    # -P: a file of the user's that is named like a module must not be imported in its place.
    command = [sys.executable, "-P", "-m", __name__, str(model), device, precision]
    done = subprocess.run(  # noqa: S603
        command, input=json.dumps(list(texts)), capture_output=True, text=True, check=False
    )
    if done.returncode < 0:
        return f"the process was ended by signal {-done.returncode}"
    if done.returncode > 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        return f"the process failed: {last}"
    return Memory(**json.loads(done.stdout))


def peak_mb() -> float:
    """Return the largest resident size of this process so far, in MB of 10^6 bytes.

    Not from getrusage where that can be helped: Linux hands a parent's peak down to its children.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    except (OSError, ValueError):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _child(model: str, device: str, precision: str) -> None:
    start = peak_mb()
    texts = json.load(sys.stdin)
    from plaudit.predict import Classifier

    Classifier.load(model, device=device, precision=precision).predict(texts)
    taken = {"start_mb": start, "peak_mb": peak_mb(), "gpu_mb": _gpu_mb()}
    sys.stdout.write(json.dumps(taken))


def _gpu_mb() -> float | None:
    torch = sys.modules.get("torch")  # not imported for this: it would count
    if torch is None or not torch.cuda.is_initialized():
        return None
    return float(torch.cuda.max_memory_allocated()) / 1e6


if __name__ == "__main__":
    _child(*sys.argv[1:])
