"""Pure values, arithmetic and state machines: no clock, no randomness, no input or output."""
