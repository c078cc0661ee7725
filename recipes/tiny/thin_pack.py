"""A pack of make_pack.py --made-up without what is neither heard nor in its own voice, and what is heard of it: OUT, OUT/heard.

Speech goes on from what was heard only, and voices that are made up are to be cloned; so it is shown more of those that can be.
"""

import argparse
from pathlib import Path

import numpy as np
from make_pack import VERSION, save

from qwen_tts.train.data import Alignment, Codes, Pack, write_codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path, help="of make_pack.py")
    parser.add_argument("heard", type=Path, help="of hear_pack.py")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()

    clips, codes, heard, alignment = Pack(args.pack).clips, Codes(args.pack), Codes(args.heard), Alignment(args.pack)
    with_codes = np.diff(heard.start) > 0
    kept = [number for number, clip in enumerate(clips) if with_codes[number] or VERSION not in clip.id]
    shown, again = ([some.get(number).numpy() for number in kept] for some in (codes, heard))
    times, vectors = [alignment.times_of(number) for number in kept], np.load(args.pack / "vectors.npy")[kept]
    save(args.out, [clips[number] for number in kept], shown, times, vectors)
    write_codes(again, args.out / "heard")
    print(f"{len(kept)} of {len(clips)} clips")


if __name__ == "__main__":
    main()
