"""What an integration configuration is checked for that depends on its external system (docs/integrations.md)."""

from collections.abc import Mapping
from typing import Any

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.integrations import custom
from usance.domain.integrations.systems import system_of


def check_options_of_system(proposal: Proposal) -> Mapping[str, Any]:
    """Refuse options that the destination's connector can do nothing with."""
    system = system_of(proposal.new["destination"])
    if system and system.check:
        system.check(proposal.new.get("configData") or {})
    return {}


def endpoint_of(configuration: Entity) -> str | None:
    """The address that a configuration is going to have called, if it names one itself."""
    if system_of(configuration["destination"]) is not custom.HTTPS:
        return None
    found = (configuration.get("configData") or {}).get("url")
    return found if isinstance(found, str) else None


def mapping_of(configuration: Entity) -> str | None:
    """The JSONata expression of a configuration whose system takes one."""
    system = system_of(configuration["destination"])
    if system is None or all(option.name != "mapping" for option in system.options):
        return None
    found = (configuration.get("configData") or {}).get("mapping")
    return found if isinstance(found, str) and found else None
