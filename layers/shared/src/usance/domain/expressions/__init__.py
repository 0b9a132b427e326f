"""Calculations: one small language for derived fields, compound aggregations and notification rules (metering.md 11).

`grammar.parse` turns text into a typed tree, `tree.names` tells what the tree refers to, and `evaluator.evaluate` computes it
over exact decimals. It owns the language alone: which names exist, and what they stand for, belongs to the callers.
"""
