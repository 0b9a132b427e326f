"""Measurements before they are stored: which are refused, which are kept out, and what is computed from the rest.

It owns the rules of metering.md 1 and 3.1 as pure functions over one request. It does not own storage, counting once across
requests, or aggregation. `ts` is when something happened and decides the month it is billed in; `received` is when the
request arrived and decides which of two copies counts.
"""
