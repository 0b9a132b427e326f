"""Exports of data, once or by a schedule."""
