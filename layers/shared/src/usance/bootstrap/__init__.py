"""The composition root: the one place that knows which adapter serves which port."""
