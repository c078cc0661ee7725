"""Speaks the samples of docs/samples: every preset voice, every instruction, some voices from descriptions. A minute or two."""

import argparse
from pathlib import Path

from captions import WAYS
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel
from qwen_tts.audio import write_audio

TEXT = "When the rain finally stopped, we opened all the doors and let the fresh air in."
TOLD = "I have never seen the lake so quiet in the morning."
DESCRIBED = (
    "A young woman with a high, bright voice who speaks quickly.", "An older man with a deep voice, speaking slowly.",
    "A soft, warm female voice, slow.", "男性，音调低沉，语速快",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--designer", default="tiny-voice-design")
    parser.add_argument("--out", type=Path, default=Path("docs/samples"))
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    for old in args.out.glob("*.opus"):
        old.unlink()
    model, designer = Qwen3TTSModel.from_pretrained(args.model), Qwen3TTSModel.from_pretrained(args.designer)
    command = "PYTHONPATH=. python recipes/tiny/make_samples.py"
    lines = ["# Samples", "", f"All of it is synthetic: the built-in model speaks. Made by `{command}`.", ""]
    lines += [f"Preset voices: “{TEXT}”", ""]
    work = [(f"voice-{name}", name, None, TEXT) for name in model.get_supported_speakers()]
    work += [(f"told-{way}", "ryan", words.split("|")[0], TOLD) for way, (_, words) in WAYS.items()]
    for name, speaker, instruct, text in tqdm(work):
        if name == f"told-{next(iter(WAYS))}":
            lines += ["", f"Ryan, told what to do: “{TOLD}”", ""]
        waves, rate = model.generate_custom_voice(text, speaker, "English", instruct, seed=1)
        write_audio(args.out / f"{name}.opus", waves[0], rate)
        lines.append(f"- [{instruct or speaker}]({name}.opus)")
    lines += ["", f"Voices from descriptions: “{TEXT}”", ""]
    for number, words in enumerate(tqdm(DESCRIBED)):
        name = f"described-{number}"
        waves, rate = designer.generate_voice_design(TEXT, words, "English", seed=1)
        write_audio(args.out / f"{name}.opus", waves[0], rate)
        lines.append(f"- [{words}]({name}.opus)")
    (args.out / "README.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
