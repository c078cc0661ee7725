"""Speaks the samples of docs/samples: every preset voice and instruction, some clones, some voices from descriptions. A minute.

What is cloned are two sentences each of voices that nobody learned from, as benchmarks/cloning.py has them.
"""

import argparse
from pathlib import Path

from tqdm import tqdm
from ways import ENGLISH

from qwen_tts import Qwen3TTSModel
from qwen_tts.audio import load_audio, write_audio

TEXT = "When the rain finally stopped, we opened all the doors and let the fresh air in."
CHINESE = "雨终于停了，我们打开所有的门，让新鲜空气进来。"
TOLD = "I have never seen the lake so quiet in the morning."
CLONED = 4
DESCRIBED = (
    "A young woman with a high, bright voice who speaks quickly.", "An older man with a deep voice, speaking slowly.",
    "A soft, warm female voice, slow.", "A man with a warm voice.", "A man with a bright voice.",
    "A sad man.", "A cheerful man.", "男性，音调低沉，语速快",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--designer", default="tiny-voice-design")
    parser.add_argument("--cloner", default="tiny-base")
    parser.add_argument("--recordings", type=Path, help="of make_speech.py, to be cloned")
    parser.add_argument("--out", type=Path, default=Path("docs/samples"))
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    for old in args.out.glob("*.opus"):
        old.unlink()
    model, designer = Qwen3TTSModel.from_pretrained(args.model), Qwen3TTSModel.from_pretrained(args.designer)
    command = "PYTHONPATH=. python recipes/tiny/make_samples.py" + (" --recordings DIR" if args.recordings else "")
    lines = ["# Samples", "", f"All of it is synthetic: the built-in model speaks. Made by `{command}`.", ""]
    lines += [f"Preset voices: “{TEXT}”", ""]
    speakers = model.get_supported_speakers()
    work = [(f"voice-{name}", name, "English", None, TEXT) for name in speakers]
    work += [(f"voice-{name}-zh", name, "Chinese", None, CHINESE) for name in speakers]
    orders = {way: words.split("|")[0] for way, words in ENGLISH.items()} | {"both": "Speak slowly in a low voice."}
    work += [(f"told-{way}", "ryan", "English", words, TOLD) for way, words in orders.items()]
    heads = {
        f"voice-{speakers[0]}-zh": f"The same, in Chinese: “{CHINESE}”",
        f"told-{next(iter(ENGLISH))}": f"Ryan, told: “{TOLD}”",
    }
    for name, speaker, language, instruct, text in tqdm(work):
        lines += ["", heads[name], ""] if name in heads else []
        waves, rate = model.generate_custom_voice(text, speaker, language, instruct, seed=1)
        write_audio(args.out / f"{name}.opus", waves[0], rate)
        lines.append(f"- [{instruct or speaker}]({name}.opus)")
    if args.recordings is not None:
        cloner, found = Qwen3TTSModel.from_pretrained(args.cloner), sorted(args.recordings.glob("*/reference.flac"))
        lines += ["", f"Clones: “{TEXT}”", ""]
        for path in tqdm(found[:: max(1, len(found) // CLONED)][:CLONED]):
            original, name = load_audio(path), f"clone-{path.parent.name.replace('+', '-')}"
            waves, rate = cloner.generate_voice_clone(TEXT, "English", original, x_vector_only_mode=True, seed=1)
            write_audio(args.out / f"{name}-original.opus", *original)
            write_audio(args.out / f"{name}.opus", waves[0], rate)
            lines.append(f"- [a voice of the teacher's]({name}-original.opus), [cloned]({name}.opus)")
    lines += ["", f"Voices from descriptions: “{TEXT}”", ""]
    for number, words in enumerate(tqdm(DESCRIBED)):
        name = f"described-{number}"
        waves, rate = designer.generate_voice_design(TEXT, words, "English", seed=1)
        write_audio(args.out / f"{name}.opus", waves[0], rate)
        lines.append(f"- [{words}]({name}.opus)")
    (args.out / "README.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
