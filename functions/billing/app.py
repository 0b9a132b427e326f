"""Bills, bill jobs and the billing configuration."""

from usance.entrypoints.http import billing

handler = billing.handler()
