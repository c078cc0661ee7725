"""Measures of generated speech: one metric a file, one interface (`metric.Metric`). Needs `pip install "qwen-tts[eval]"`."""
