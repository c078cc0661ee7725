"""Stands in for torchaudio.compliance."""
