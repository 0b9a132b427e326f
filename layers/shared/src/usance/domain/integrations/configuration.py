"""Rules of integration configurations that a connector reads."""

from collections.abc import Mapping
from typing import Any

from usance.domain.catalog.proposal import Proposal
from usance.domain.integrations.selection import check_options
from usance.domain.integrations.system import System
from usance.domain.integrations.systems import system_of
from usance.domain.kernel.errors import InvalidInputError


def check_connector(proposal: Proposal) -> Mapping[str, Any]:
    """Options must be of their kind; a configuration that there is a connector for is authorized once it has credentials.

    What no connector takes is kept as it is.
    """
    new = proposal.new
    system = system_of(new["destination"])
    if system is None or new["entityType"].casefold() not in {entity.casefold() for entity in system.entities}:
        return {}
    options = new.get("configData") or {}
    check_options(options)
    for setting in system.options:
        chosen = options.get(setting.name)
        if setting.choices and chosen is not None and chosen not in setting.choices:
            raise InvalidInputError(f"configData.{setting.name} must be one of {', '.join(setting.choices)}")
    return {"authorized": _is_authorized(system, proposal)}


def _is_authorized(system: System, proposal: Proposal) -> bool:
    """Whether credentials of a kind that the system takes are kept, with all that they must have."""
    if not system.credentials:
        return True
    new, old = proposal.new, proposal.old or {}
    sent = new.get("credentials")
    if sent is None:
        kept = new.get("integrationCredentialsId")
        return bool(kept and kept == old.get("integrationCredentialsId") and old.get("authorized"))
    asked = system.credentials.get(sent["type"])
    return asked is not None and all(sent.get(setting.name) for setting in asked if setting.required)
