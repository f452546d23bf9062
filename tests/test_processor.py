"""What the processor is: read from what Linux lists, and unknown elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamsound_studio import processor

CPUINFO = "processor\t: 0\nmodel name\t: Quick 9000\nflags\t\t: fpu avx512f {}\n\nprocessor\t: 1\n"


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(processor, "CPUINFO", path)
    processor._facts.cache_clear()
    yield path
    processor._facts.cache_clear()


@pytest.mark.parametrize(
    ("feature", "native"),
    [("avx512_bf16", True), ("amx_bf16 amx_tile", True), ("avx512_vnni", False)],
)
def test_native_bfloat16_is_a_feature_of_the_first_core(
    cpuinfo: Path, feature: str, native: bool
) -> None:
    cpuinfo.write_text(CPUINFO.format(feature))
    assert processor.multiplies_bfloat16() is native
    assert processor.processor_name() == "Quick 9000"
    cpuinfo.unlink()
    assert processor.processor_name() == "Quick 9000", "it is read once"


def test_where_nothing_is_known_nothing_is_native(cpuinfo: Path) -> None:
    assert not cpuinfo.exists()
    assert not processor.multiplies_bfloat16()
    assert processor.processor_name()
