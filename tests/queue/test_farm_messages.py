"""What a machine of the farm sends arrives as it was sent, after Dask's scheduler passed it on."""

from __future__ import annotations

from dataclasses import fields

import pytest

from dreamsound_studio.dream.records import StepEvent
from dreamsound_studio.queue.farm.messages import FarmNews

STEP = StepEvent(step=3, loss=0.5, class_index=67, class_name="Animal", score=0.25, seconds=1.5)
EVERY = FarmNews(
    "token",
    "attempt",
    began="tcp://10.0.0.2:4000",
    progress={"phase": "writing dream", "share": 0.5},
    step=STEP,
    say="out of memory: block_patches halved from 8 to 4",
    checkpoint="/scratch/step-000003",
    files={"sound.npy": 1024},
)


def test_the_case_sets_every_field() -> None:
    empty = FarmNews("", "")
    assert all(getattr(EVERY, one.name) != getattr(empty, one.name) for one in fields(FarmNews))


@pytest.mark.parametrize("news", [EVERY, FarmNews("token", "attempt")], ids=["every", "none"])
@pytest.mark.parametrize("passed_on", [{}, {"worker": "tcp://10.0.0.2:4000"}])
def test_news_survive_dask_and_the_field_that_its_scheduler_adds(
    news: FarmNews, passed_on: dict[str, str]
) -> None:
    # As between processes of Dask's: events are dumped by msgpack.
    protocol = pytest.importorskip("distributed.protocol", reason="the extra `farm` is needed")
    sent = protocol.loads(protocol.dumps(news.plain()))
    assert FarmNews.read(sent | passed_on) == news
