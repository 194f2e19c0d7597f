"""Records as the second stage is given them, without files."""

from __future__ import annotations

from datetime import date

import numpy as np

from searchsvc.store.document import BEGINNING, RECORD, Record
from searchsvc.store.records import Occurrences


def evidence(*records: Record, days: list[date | None] | None = None) -> Occurrences:
    """Return all rows of *records* as if each of their lemmas had been looked for."""
    ordinals = [day.toordinal() if day else 0 for day in days or [None] * len(records)]
    rows = np.concatenate([*records, np.empty(0, RECORD)])
    owner = np.repeat(np.arange(len(records)), [*map(len, records)])
    order = np.lexsort((rows["lemma"], rows["family"], owner))
    ends = [one["position"][min(BEGINNING, len(one)) - 1] if len(one) else 0 for one in records]
    return Occurrences(
        document=owner[order],
        lemma=rows["lemma"][order],
        family=rows["family"][order],
        rows=rows[order],
        days=np.array(ordinals, np.int64),
        lengths=np.array([*map(len, records)], np.int64),
        beginnings=np.array(ends, np.int64),
    )
