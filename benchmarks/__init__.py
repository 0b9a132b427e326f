"""Figures of Usance, each beside a rival or a floor measured in the same run."""
