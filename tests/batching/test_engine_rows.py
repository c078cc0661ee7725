"""Whatever enters, waits and leaves: everybody keeps their own codes, places are the first ones, memory is freed."""

import gc
import weakref

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen_tts.batching.engine_rows import EngineRows
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.sampling import SamplingOptions
from tests import naive, utterances

WARM = (SamplingOptions(temperature=1.5, top_k=0, repetition_penalty=1.3), SamplingOptions(top_k=3))
EOS = utterances.config().talker_config.codec_eos_token_id


class Speaker:
    """A member, and what it should say."""

    def __init__(self, number: int) -> None:
        self.prompt = utterances.prompt(3 + number % 5, streaming_text=number % 2 == 0)
        self.generator = torch.Generator().manual_seed(number)
        self.expected, self.ends = naive.frames(utterances.talker(), self.prompt, WARM, number, 10)
        self.frames: list[list[int]] = []


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(["enter", "two", "leave", "step", "step", "some"]), st.integers(0, 5)), max_size=25))
def test_any_comings_and_goings(actions: list[tuple[str, int]]) -> None:
    rows: EngineRows[Speaker] = EngineRows(EagerEngine(utterances.talker()), 6)
    count = 0
    for action, which in [("enter", 0), *actions, ("step", 0)]:
        if action in ("enter", "two") and len(rows.members) + 2 <= 6:
            new = [Speaker(count + i) for i in range(1 if action == "enter" else 2)]
            count += len(new)
            rows.enter(new, [s.prompt for s in new], [WARM] * len(new))
        elif action == "leave" and rows.members:
            rows.leave([rows.members[which % len(rows.members)]])
        elif rows.members:
            moving = [s for i, s in enumerate(rows.members) if action == "step" or i % 2 == which % 2]
            if not moving:
                continue
            made = rows.step({s: torch.rand(4, generator=s.generator) for s in moving})
            assert set(made) == set(moving)
            for speaker, codes in made.items():
                at = len(speaker.frames)
                speaker.frames.append(codes.tolist())
                if at < len(speaker.expected):
                    assert codes.tolist() == speaker.expected[at].tolist()
                else:
                    assert codes[0] == EOS or not speaker.ends
            rows.leave([s for s, codes in made.items() if codes[0] == EOS or len(s.frames) == 10])


def test_memory_grows_with_need_and_is_freed() -> None:
    made = []

    class Watched(EagerEngine):
        def init_state(self, batch: int, capacity: int):
            state = super().init_state(batch, capacity)
            made.append((batch, capacity, weakref.ref(state.pending)))
            return state

    rows: EngineRows[Speaker] = EngineRows(Watched(utterances.talker()), 6)
    speakers = [Speaker(i) for i in range(6)]
    for speaker in speakers:
        rows.enter([speaker], [speaker.prompt], [WARM])
    assert [size[:2] for size in made] == [(1, 256), (2, 256), (4, 256), (6, 256)]
    for _ in range(260):
        rows.step({speakers[0]: torch.zeros(4)})
    assert made[-1][:2] == (6, 512)
    gc.collect()
    assert sum(state() is not None for *_, state in made) == 1
    rows.leave([*speakers, Speaker(9)])
    gc.collect()
    assert sum(state() is not None for *_, state in made) == 0
