"""The main job end to end on one machine: an LLM API provider bills a customer for a trace of requests."""
