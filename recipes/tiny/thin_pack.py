"""A pack of make_pack.py --made-up without what is neither heard nor in its own voice, and what is heard of it: OUT, OUT/heard.

Speech goes on from what was heard only, and voices that are made up are to be cloned; so it is shown more of those that can be.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from make_pack import VERSION

from qwen_tts.train.data import Alignment, Codes, numbered_lines, write_codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path, help="of make_pack.py")
    parser.add_argument("heard", type=Path, help="of hear_pack.py")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()

    lines = [line for _, line in numbered_lines(args.pack / "clips.jsonl")]
    codes, heard, alignment = Codes(args.pack), Codes(args.heard), Alignment(args.pack)
    with_codes = np.diff(heard.start) > 0
    kept = [number for number, line in enumerate(lines) if with_codes[number] or VERSION not in json.loads(line)["id"]]
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "clips.jsonl").write_text("".join(lines[number] + "\n" for number in kept), "utf-8")
    for some, folder in ((codes, args.out), (heard, args.out / "heard")):
        write_codes([some.get(number).numpy() for number in kept], folder)
    times = [alignment.times_of(number) for number in kept]
    np.concatenate(times).astype("<f4").tofile(args.out / "aligned.f4")
    np.save(args.out / "aligned_start.npy", np.cumsum([0, *map(len, times)]))
    np.save(args.out / "vectors.npy", np.load(args.pack / "vectors.npy")[kept])
    print(f"{len(kept)} of {len(lines)} clips")


if __name__ == "__main__":
    main()
