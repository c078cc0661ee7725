#!/bin/bash
# All that a GPU is needed for, in one go and in under ten minutes on a large one: the tests, then the table. See docs/gpu.md.
#   bash scripts/gpu.sh [arguments of benchmarks/gpu_speed.py]       PYTHON=.venv/bin/python by default
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
export PYTHONUNBUFFERED=1 PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
"$PYTHON" -c 'import torch; assert torch.cuda.is_available(), "no GPU that PyTorch can use"; print(torch.__version__, torch.cuda.get_device_name())'
# A failed test does not keep the measurement from being made, but the script says so in the end.
tested=0
"$PYTHON" -m pytest -q tests/engine/test_cuda_real.py tests/engine/test_cuda_graph.py tests/engine/test_cuda_codec.py || tested=$?
"$PYTHON" benchmarks/gpu_speed.py "$@"
exit "$tested"
