"""What statements are about and what they say: the slot each fills, and what it must share with what says the same.

A slot is what a statement is about (home city, employer, the dose of a medicine, the attitude to a thing); its key says
which one, its value what it says. Single-valued slots hold one value at a time, so a newer one supersedes. A text that
fills no slot supersedes nothing. Questions, wishes, plans, quotes, reported speech and the past fill none.
Does not live here: the table of slots (`slots.yaml`), how one text is read (`slot_statements.py`), what follows from it
(`reconcile.py`).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.memory.likeness import plain_of, stripped
from assets.memory.queries import TEXT, each
from assets.memory.slot_statements import NOT_A_STATEMENT, in_clauses, told
from assets.memory.slot_words import Words

SLOTTED: dict[str, pl.DataType] = {
    "plain": pl.String(),
    "slot": pl.String(),
    "slot_single": pl.Boolean(),
    "slot_value": pl.String(),
    "stance": pl.UInt64(),
    "gist": pl.UInt64(),
    "words": pl.UInt64(),
}
"""Columns added by `slotted`: the text as compared; the slot with its key, whether it holds one value at a time, the
value (`ENDED` and the value when it says that this one no longer holds); a hash of the stance words; where a slot is
filled a hash of the words beside slot and value, else 0; and a hash of the words that another way of saying the same
must share, whatever their order (0: none)."""


def slotted(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what each text is about and what it says.

    Args:
        frame: `content`.

    Returns:
        `frame` with the columns of `SLOTTED`; slot, single and value are null where no slot is filled, the others
        never.
    """
    if frame.is_empty():
        return frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in SLOTTED.items())
    text = stripped(frame["content"])
    plain = plain_of(text)
    words = Words(plain)
    stance, gist = words.stances(), np.zeros(len(plain), np.uint64)
    asked, candidates = words.candidates()
    slots: list[str | None] = [None] * len(plain)
    singles: list[bool | None] = [None] * len(plain)
    values: list[str | None] = [None] * len(plain)
    if len(asked):
        chosen = text.gather(asked)
        open_ = each(chosen, (~TEXT.str.contains(NOT_A_STATEMENT)).arg_true())
        lean = in_clauses(chosen.gather(open_)).to_list()
        typed = frame["content"].gather(asked).gather(open_).to_list()
        for place, clauses, own in zip(open_.to_list(), lean, typed, strict=True):
            says = told(clauses.split("\n"), own, *candidates[place])
            if says is not None:
                row = asked[place]
                slots[row], singles[row], values[row], gist[row] = says
    found: dict[str, Sequence[object] | pl.Series | npt.NDArray[np.uint64]] = {
        "plain": plain,
        "slot": slots,
        "slot_single": singles,
        "slot_value": values,
        "stance": stance,
        "gist": gist,
        "words": words.content(),
    }
    return frame.with_columns(pl.Series(name, found[name], dtype=kind) for name, kind in SLOTTED.items())
