"""The contract of ``searchsvc.engine``: what every engine must do.

A new engine's test file is a subclass of ``EngineContract`` that says how the engine is opened
(see ``test_whoosh.py``). An engine that cannot be opened fails; it does not skip.
"""

from __future__ import annotations

from .damage import Damage
from .searches import Searches
from .snapshots import Snapshots
from .writes import Writes


class EngineContract(Searches, Writes, Snapshots, Damage):
    """All tests of an engine; a subclass sets ``opened``."""
