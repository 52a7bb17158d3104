"""Which device and precision a run uses, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch

from plaudit.errors import ConfigError

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and in what precision to compute.

    Attributes
    ----------
    device : str
        Such as ``"cpu"`` or ``"cuda"``.
    precision : {"fp32", "bf16"}
        bf16 means bf16 matrix products over fp32 master weights; on a processor what a layer hands
        to the next is in bf16 too.
    reason : str
        One line for the report and for ``plaudit doctor``.
    """

    device: str
    precision: Precision
    reason: str

    @property
    def half_on_cpu(self) -> bool:
        """Whether a processor multiplies in bf16."""
        return (self.device, self.precision) == ("cpu", "bf16")

    @property
    def tokens_at_once(self) -> int:
        """Tokens to compute on at a time, padding included.

        On a processor, more at a time are slower where nothing has to be kept (what one layer hands
        to the next leaves the cache) and only take memory where something has (docs/LOG.md). In
        bf16, which is half as large and several times faster, each part's fixed costs count more.
        """
        if self.device == "cuda":
            return 65536
        return 4096 if self.half_on_cpu else 2048

    @property
    def exact(self) -> Compute:
        """The same device in fp32."""
        return replace(self, precision="fp32", reason="fp32 was asked for")


def plan(device: str = "auto", precision: str = "auto") -> Compute:
    """Choose device and precision from what is asked and what the machine has.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
    precision : {"auto", "fp32", "bf16"}

    Returns
    -------
    Compute

    Raises
    ------
    ConfigError
        The device asked for is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}
    if device == "auto":
        device = next(d for d in ("cuda", "mps", "cpu") if available[d])
    if precision not in ("auto", "fp32", "bf16"):
        raise ConfigError(f"precision is {precision!r}; it can be auto, fp32 or bf16.")
    if not available.get(device):
        there = ", ".join(name for name, found in available.items() if found)
        raise ConfigError(
            f"device {device!r} (train.device, or --device) is not on this machine; it has: "
            f"{there}. Use one of these, or auto."
        )
    fast, reason = _bf16(device)
    if precision == "auto":
        return Compute(device, "bf16" if fast else "fp32", reason)
    asked = f"{precision} was asked for; {reason}"
    return Compute(device, "bf16" if precision == "bf16" else "fp32", asked)


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def _bf16(device: str) -> tuple[bool, str]:
    """Say whether bf16 products are fast there; without the instructions fp32 is 8 times faster."""
    if device == "cuda":
        if torch.cuda.get_device_capability()[0] >= 8:
            return True, f"{torch.cuda.get_device_name()} multiplies bf16 in hardware"
        return False, f"{torch.cuda.get_device_name()} has no fast bf16"
    if device == "mps":
        return False, "bf16 on this device has not been measured"
    has = torch.cpu.get_capabilities()
    for name in ("amx_bf16", "avx512_bf16"):
        if has.get(name):
            return True, f"the processor multiplies bf16 in hardware ({name})"
    return (
        False,
        "the processor has no bf16 instructions (amx_bf16, avx512_bf16), so fp32 is faster",
    )
