"""Counts for alarms and the dashboard of template.yaml: lines of the log that CloudWatch reads as metrics (EMF)."""

import os
from typing import Final

from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE: Final = "POWERTOOLS_METRICS_NAMESPACE"  # Powertools' own; where it is not set, nobody counts


def count(name: str, value: int = 1) -> None:
    """Count `value` of what `name` says, with the function as its one dimension (`service`)."""
    if os.environ.get(NAMESPACE):
        with single_metric(name=name, unit=MetricUnit.Count, value=value):
            return
