"""What audits run on."""

from functools import cache

from usance.application.proof.ports import ProofPorts
from usance.bootstrap import stores
from usance.settings import Settings


@cache
def proof_ports() -> ProofPorts:
    """The stores of this deployment."""
    from usance.adapters.aws import client
    from usance.adapters.duckdb.parquet_rows import parquet_rows
    from usance.adapters.dynamodb.usage_ledger import DynamoUsageLedger

    return ProofPorts(
        entities=stores.entities(),
        ledger=DynamoUsageLedger(client("dynamodb"), Settings().usage_table),
        usage=stores.usage_explorer(),
        bills=stores.bills(),
        blobs=stores.blobs(),
        secrets=stores.secrets(),
        clock=stores.clock(),
        ids=stores.ids(),
        parquet_rows=parquet_rows,
    )
