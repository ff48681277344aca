"""The plan of a bad network: by its seed, and as bad as its figures say."""

from __future__ import annotations

import pytest

from voicedrop.lab.impairment import Impairment

PACKETS = 20_000
FRAME_S = 0.02


def fates(impairment: Impairment, stream: int = 0, count: int = PACKETS) -> list[float | None]:
    """When each of `count` packets leaves that come every 20 ms."""
    plan = impairment.stream(stream)
    return [plan.leaves(index * FRAME_S) for index in range(count)]


def delays(left: list[float | None]) -> list[float]:
    return [at - index * FRAME_S for index, at in enumerate(left) if at is not None]


def test_a_good_network_passes_all_at_once() -> None:
    assert fates(Impairment(), count=100) == [index * FRAME_S for index in range(100)]


def test_the_same_seed_gives_the_same_fates() -> None:
    bad = Impairment(loss=0.05, jitter_ms=30, seed=7)
    assert fates(bad, stream=3) == fates(bad, stream=3)


@pytest.mark.parametrize(("seed", "stream"), [(8, 3), (7, 4)], ids=["another seed", "another stream"])
def test_others_have_other_fates(seed: int, stream: int) -> None:
    here = fates(Impairment(loss=0.05, jitter_ms=30, seed=7), stream=3)
    assert here != fates(Impairment(loss=0.05, jitter_ms=30, seed=seed), stream=stream)


def test_as_many_are_lost_as_it_says() -> None:
    left = fates(Impairment(loss=0.05, seed=1))
    assert left.count(None) / PACKETS == pytest.approx(0.05, abs=0.005)


def test_delays_are_spread_evenly_from_nothing_to_twice_the_jitter() -> None:
    found = delays(fates(Impairment(jitter_ms=30, seed=1)))
    assert min(found) >= -1e-9
    assert max(found) <= 0.06 + 1e-9
    assert sum(found) / len(found) == pytest.approx(0.03, abs=0.001)
    assert sum(delay < 0.015 for delay in found) / len(found) == pytest.approx(0.25, abs=0.02)


def test_more_loss_changes_nobody_elses_delay() -> None:
    clear = fates(Impairment(jitter_ms=30, seed=1))
    lossy = fates(Impairment(loss=0.3, jitter_ms=30, seed=1))
    assert all(a == b for a, b in zip(clear, lossy, strict=True) if b is not None)


def test_packets_overtake_each_other() -> None:
    left = [at for at in fates(Impairment(jitter_ms=30, seed=1)) if at is not None]
    assert left != sorted(left)


def test_in_order_none_does() -> None:
    left = [at for at in fates(Impairment(loss=0.05, jitter_ms=30, in_order=True, seed=1)) if at is not None]
    assert left == sorted(left)
