"""What the command line runs on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from usance.adapters.admin_function import (
    Invoke,
    download,
    fetch,
    of_deployment,
    of_embedded_stack,
    own_organization,
    send,
)
from usance.domain.kernel.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Reach:
    """How a deployment's admin function is invoked, and its documents are downloaded and brought. `org_id` is of its only organization."""

    invoke: Invoke
    download: Callable[[str], bytes]
    org_id: str | None = None
    fetch: Callable[[str, Path], None] = fetch
    send: Callable[[str, Mapping[str, str], Path], None] = send

    def organization(self, wanted: str | None) -> str:
        """The id of the organization to work with. `InvalidInputError` when nobody says which."""
        found = wanted or self.org_id
        if found is None:
            raise InvalidInputError("--org is required")
        return found


def reach(function_name: str | None, data_dir: Path) -> Reach:
    """A deployment on AWS by the name of its admin function, or else the embedded stack on `data_dir`."""
    if function_name:
        return Reach(of_deployment(function_name), download)
    return Reach(of_embedded_stack(data_dir), download, own_organization(data_dir))
