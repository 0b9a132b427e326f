"""Exports of data: which stretch of time, when, and where to."""
