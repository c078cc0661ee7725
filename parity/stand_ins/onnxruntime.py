"""Stands in for onnxruntime."""
