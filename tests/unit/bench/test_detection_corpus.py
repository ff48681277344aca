"""The corpus's split, weights and bookkeeping; nothing here needs a download."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.bench.detection import corpus, line, mailboxes, manifest, native, negatives, recipe, waves
from tests.bench.detection.manifest import Recording
from tests.bench.detection.voices import Voice
from tests.bench.detection.waves import Samples, Sound


class Hummer:
    """A voice without files: one buzz."""

    name = "hummer"

    def utterance(self, rng: np.random.Generator) -> Sound:
        return waves.sines((150, 300, 450), float(rng.uniform(500, 900)), -20)


class Band:
    """A cast without files."""

    beeps: tuple[Path, ...] = ()

    def speaker(self, _rng: np.random.Generator) -> Voice:
        return Hummer()

    greeter = high_voice = speaker

    def music(self, _rng: np.random.Generator, ms: float) -> Sound:
        return waves.sines((200, 250, 300), ms, -20)


@pytest.fixture
def _no_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codecs without a library, beeps without a file."""
    monkeypatch.setattr(recipe, "CODECS", {"ulaw": 1.0, "alaw": 1.0, "gsm": 1.0})
    monkeypatch.setattr(recipe, "BEEPS", {kind: share for kind, share in recipe.BEEPS.items() if kind != "pack"})


def make(layout: str, seed: int) -> tuple[Recording, Samples]:
    rng = np.random.default_rng(seed)
    return mailboxes.make(None, Band(), rng, layout, "x", "tuning")


def test_no_voice_and_no_music_is_in_both_splits() -> None:
    assert not set(recipe.MUSIC["tuning"]) & set(recipe.MUSIC["heldout"])
    for tuning, heldout in zip(recipe.ESPEAK["tuning"], recipe.ESPEAK["heldout"], strict=True):
        assert not set(tuning) & set(heldout)
    folders = Counter(source.folder for source in recipe.VOICES)
    assert max(folders.values()) == 1
    # The same woman speaks English and Spanish.
    assert len({source.split for source in recipe.VOICES if "Allison" in source.folder}) == 1


def test_the_plan_is_what_the_issue_asks_for() -> None:
    kinds = Counter(kind for kind, _ in corpus.plan())
    assert kinds.pop("mailbox") == recipe.MAILBOXES == sum(recipe.LAYOUTS.values())
    assert sum(kinds.values()) * recipe.NEGATIVE_S >= 2.5 * 3600
    assert sum(recipe.BEEPS.values()) == pytest.approx(1)


def test_even_the_smallest_plan_has_every_class() -> None:
    assert set(corpus.plan(0.0001)) == set(corpus.plan())


@pytest.mark.usefixtures("_no_libraries")
@pytest.mark.parametrize("layout", recipe.LAYOUTS)
def test_the_same_seed_makes_the_same_mailbox(layout: str) -> None:
    (one, heard), (again, heard_again) = make(layout, 5), make(layout, 5)
    assert one == again
    assert np.array_equal(heard, heard_again)
    assert not np.array_equal(heard[:8000], make(layout, 6)[1][:8000])


@pytest.mark.usefixtures("_no_libraries")
@pytest.mark.parametrize("layout", recipe.LAYOUTS)
def test_a_mailbox_is_laid_out_as_it_is_called(layout: str) -> None:
    for seed in range(6):
        truth, heard = make(layout, seed)
        assert truth.duration_ms == len(heard) / 8
        assert truth.record_start_ms is not None
        assert truth.greeting_end_ms is not None
        assert len(truth.beeps) == {"no_beep": 0, "two_beeps": 2}.get(layout, 1)
        assert truth.duration_ms - truth.record_start_ms >= 4000
        beep = truth.record_beep
        if beep is None:
            continue
        assert beep.end_ms == truth.record_start_ms
        gap_ms = beep.start_ms - truth.greeting_end_ms
        assert {"touching": -31 <= gap_ms <= 11, "late": gap_ms >= 5000}.get(layout, gap_ms >= 79)


@pytest.mark.usefixtures("_no_libraries")
def test_the_beep_is_where_the_truth_says() -> None:
    """On a quiet line: little before it, little after it, much in it."""
    for seed in range(40):
        truth, heard = make("late", seed)
        beep = truth.record_beep
        assert beep is not None
        if truth.line["noise"] != "line" or truth.line["loss"] != "none" or truth.line["dc"] or beep.dbfs < -30:
            continue
        sound = waves.to_float(heard)
        start, end = waves.count(beep.start_ms), waves.count(beep.end_ms)
        inside = waves.level_dbfs(sound[start : start + 160])
        assert inside > waves.level_dbfs(sound[start - 320 : start - 24]) + 8
        assert inside > waves.level_dbfs(sound[end + 48 : end + 320]) + 8


@pytest.mark.usefixtures("_no_libraries")
@pytest.mark.parametrize("kind", recipe.NEGATIVES)
def test_a_beep_free_recording_lasts_a_minute(kind: str) -> None:
    truth, heard = negatives.make(None, Band(), np.random.default_rng(3), kind, "x", "heldout")
    assert (truth.kind, truth.beeps, truth.record_start_ms) == (kind, (), None)
    assert len(heard) == recipe.NEGATIVE_S * 8000
    assert np.any(heard)


@pytest.mark.usefixtures("_no_libraries")
def test_a_manifest_reads_back(tmp_path: Path) -> None:
    recordings = [make("two_beeps", 1)[0], make("no_beep", 2)[0]]
    path = tmp_path / "manifest.jsonl"
    manifest.write(path, recordings)
    assert manifest.load(path) == recordings


def test_lost_packets_are_as_many_as_asked_for() -> None:
    lost = line.lost_frames(np.random.default_rng(1), 100_000, 0.05)
    assert np.mean(lost) == pytest.approx(0.05, abs=0.005)
    assert not any(line.lost_frames(np.random.default_rng(1), 1000, 0.0))


def test_a_lost_packet_is_zero_or_the_one_before() -> None:
    samples = waves.to_int16(waves.sines((400,), 100, -6, 0))
    lost = [False, False, True, False, False]
    assert not np.any(line.with_loss(samples, lost, repeat=False)[320:480])
    repeated = waves.to_float(line.with_loss(samples, lost, repeat=True))
    assert repeated[320:480] == pytest.approx(waves.to_float(samples)[160:320] * 10**-0.15, abs=1e-4)


def test_a_coder_s_delay_is_taken_away() -> None:
    class Late:
        delay = 40

        def __init__(self) -> None:
            self._held = np.zeros(40, np.int16)

        def through(self, frame: Samples, *, lost: bool) -> Samples:
            both = np.concatenate([self._held, frame])
            self._held = both[160:]
            return np.zeros(160, np.int16) if lost else both[:160]

    samples = np.arange(1, 1001, dtype=np.int16)
    assert np.array_equal(native.run(Late(), samples, []), samples)
    assert not np.any(native.run(Late(), samples, [True])[:120])
