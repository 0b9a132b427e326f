"""What exports run on: asking for them, and making their files."""

from functools import cache

from usance.application.exports.ports import ExportPorts, ExportTargets, ExportWorkbench
from usance.bootstrap import stores
from usance.settings import Settings


@cache
def export_ports() -> ExportPorts:
    """For asking for exports, and for schedules."""
    return ExportPorts(stores.entities(), stores.clock(), stores.ids(), stores.export_queue())


@cache
def export_workbench() -> ExportWorkbench:
    """For making the files."""
    from usance.adapters.aws import client, client_as
    from usance.adapters.duckdb.parquet import ParquetFiles
    from usance.adapters.export_targets import ExportTargetsByType
    from usance.adapters.s3.export_targets import S3ExportTargets

    s3 = S3ExportTargets(client("sts"), lambda credentials: client_as("s3", credentials))
    return ExportWorkbench(
        ports=export_ports(),
        blobs=stores.blobs(),
        bills=stores.bills(),
        usage=stores.usage_explorer(),
        events=stores.events(),
        targets=ExportTargetsByType({"S3": lambda: s3, "GCS": _google_targets}),
        parquet=ParquetFiles(),
    )


@cache
def _google_targets() -> ExportTargets:
    from usance.adapters.aws import client
    from usance.adapters.gcs.export_targets import google_export_targets

    return google_export_targets(client("sts"), Settings().export_identity_role)
