"""How much is computed at a time, and what happens when memory does not hold it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from plaudit.errors import TrainingError

WORDS = ("not enough memory", "can't allocate memory", "out of memory")
"""What torch's allocators say in a plain RuntimeError."""


class Room:
    """Tokens that are computed on at a time. Made smaller once, when memory runs out.

    A step is taken in as many parts as it needs, so its batch stays what it was.

    Parameters
    ----------
    tokens : int
        Padding included.
    say : callable, optional
        Takes a line for the user.
    release : callable, optional
        Gives back what memory is held for speed alone, when it runs out.

    Attributes
    ----------
    note : str or None
        What happened, for the report.
    """

    def __init__(
        self,
        tokens: int,
        say: Callable[[str], None] | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        self.tokens = tokens
        self.note: str | None = None
        self._say = say or (lambda line: None)
        self._release = release or (lambda: None)

    def state_dict(self) -> dict[str, Any]:
        """Return what a run that goes on from here needs."""
        return {"tokens": self.tokens, "note": self.note}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with as much room as there was."""
        self.tokens, self.note = state["tokens"], state["note"]

    def enough_for(
        self, step: int, largest: Callable[[int], int], compute: Callable[[int], torch.Tensor]
    ) -> torch.Tensor:
        """Compute, and once again with half the room if memory runs out.

        Parameters
        ----------
        step : int
            For what is said.
        largest : callable
            From tokens at a time to those of the largest part that is then computed.
        compute : callable
            From tokens at a time to the loss; starts anew each time.

        Raises
        ------
        TrainingError
            Memory ran out a second time.
        """
        try:
            return compute(self.tokens)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if self.note is not None:
                raise TrainingError(
                    f"step {step}: memory ran out again, at {self.tokens:,} tokens at a time: "
                    f"{_first_line(error)}. Try a lower text.max_tokens or a smaller model.encoder."
                ) from error
            # What failed was the largest part, which may be less than was allowed.
            halved = max(1, min(self.tokens, largest(self.tokens)) // 2)
            self.note = (
                f"step {step}: memory ran out with {self.tokens:,} tokens at a time; "
                f"{halved:,} from here on, in more parts, so that batches stay as they were"
            )
        # Outside of the handler: the error holds on to all that had been computed.
        self.tokens = halved
        self._say(self.note)
        self._release()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return self.enough_for(step, largest, compute)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on the device or here."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in WORDS)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
