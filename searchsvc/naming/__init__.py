"""Names in texts by rule: what is one, where it ends, how it reads in the nominative.

``words`` cuts a text, ``institutions``, ``places`` and ``people`` find names of their kind and judge what
a model takes for one, ``declension`` puts words that agree into the nominative. A rule goes by what a word
is (its readings) and by capitals, never by a list of names.
"""

from __future__ import annotations

from importlib.util import find_spec

from searchsvc.errors import NamesMissingError

PACKAGES = ("slovnet", "navec", "natasha", "threadpoolctl")
"""What the extra ``searchsvc[names]`` installs."""


def require_model() -> None:
    """Check that the model can be loaded; nothing is imported.

    Raises:
        NamesMissingError: the extra is not installed.
    """
    if any(find_spec(package) is None for package in PACKAGES):
        raise NamesMissingError
