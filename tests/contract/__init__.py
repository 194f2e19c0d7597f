"""One suite that every engine runs."""

import pytest

for _module in ("bed", "model", "searches", "writes", "snapshots", "damage"):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")
