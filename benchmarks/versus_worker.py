"""One engine of `versus.py`, in its own process: loads a model, then speaks once for each line that comes in.

Runs under either package's interpreter: their calls have the same names. Answers each line with one line of JSON.

    versus_worker.py MODEL_DIRECTORY FRAMES THREADS
"""

import json
import sys
import time
from typing import Any


def main() -> None:
    directory, frames, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    import torch

    torch.set_num_threads(threads)
    answers, sys.stdout = sys.stdout, sys.stderr  # what a package prints is no answer
    start = time.perf_counter()
    from qwen_tts import Qwen3TTSModel

    model: Any = Qwen3TTSModel.from_pretrained(directory, device_map="cpu")
    print(json.dumps({"load_s": time.perf_counter() - start}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        start, first, samples = time.perf_counter(), None, 0
        if hasattr(model, "stream_custom_voice"):
            no_second_thoughts = {"frames_per_token": None, "stop_loops": False, "max_silence": None, "reading": False}
            for chunk in model.stream_custom_voice(**asked, language="English", max_new_tokens=frames, **no_second_thoughts):
                first = first or time.perf_counter() - start
                samples, rate = samples + len(chunk.samples), chunk.rate
        else:  # the official package makes the whole wave before it returns any
            waves, rate = model.generate_custom_voice(**asked, language="English", max_new_tokens=frames)
            samples, first = len(waves[0]), time.perf_counter() - start
        told = {"seconds": time.perf_counter() - start, "first": first, "audio": samples / rate, "peak_mb": peak_mb()}
        print(json.dumps(told), file=answers, flush=True)


def peak_mb() -> float:
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
