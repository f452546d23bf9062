"""How a running dream is stopped."""

from __future__ import annotations

import pytest

from dreamsound_studio.control import Control, FinishEarly
from dreamsound_studio.errors import RenderCancelled


def test_progress_is_passed_on() -> None:
    shares: list[float] = []
    control = Control(shares.append)
    control.check(0.25)
    control.check(1.0)
    assert shares == [0.25, 1.0]
    Control().check(0.5)


def test_cancel_keeps_nothing_and_wins_over_finish() -> None:
    control = Control()
    control.finish()
    control.cancel()
    with pytest.raises(RenderCancelled, match="No files written"):
        control.check(0.5)


def test_finish_stops_at_the_next_block() -> None:
    control = Control()
    assert not control.finishing
    control.finish()
    assert control.finishing
    with pytest.raises(FinishEarly):
        control.check(0.5)
