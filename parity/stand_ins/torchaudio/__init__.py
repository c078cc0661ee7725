"""Stands in for torchaudio, whose wheel does not load beside a CPU build of torch."""
