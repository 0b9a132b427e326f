"""What use cases need of the world, as protocols; `adapters` fulfil them and `tests/fakes` imitate them."""
