"""Writes the golden file from the official results on the golden tasks: make_golden.py OFFICIAL."""

import argparse
from pathlib import Path

import golden
import results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("official", type=Path)
    golden.write(results.load_all(parser.parse_args().official))
    print(f"{golden.FILE.name}: {golden.FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
