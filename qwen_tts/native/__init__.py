"""What is written in C, because nothing else is fast enough on a CPU: the language model's frame and the codec's snake."""
