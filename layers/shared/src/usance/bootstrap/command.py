"""What the command line runs on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from usance.adapters.admin_function import Invoke, download, of_deployment, of_embedded_stack


@dataclass(frozen=True, slots=True)
class Reach:
    """How a deployment's admin function is invoked, and its documents are downloaded."""

    invoke: Invoke
    download: Callable[[str], bytes]


def reach(function_name: str | None, data_dir: Path) -> Reach:
    """A deployment on AWS by the name of its admin function, or else the embedded stack on `data_dir`."""
    return Reach(of_deployment(function_name) if function_name else of_embedded_stack(data_dir), download)
