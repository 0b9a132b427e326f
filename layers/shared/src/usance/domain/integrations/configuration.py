"""Rules of integration configurations that a connector reads."""

from collections.abc import Mapping
from typing import Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.integrations import custom
from usance.domain.integrations.selection import check_options
from usance.domain.integrations.system import Setting, System
from usance.domain.integrations.systems import system_of
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.headers import HEADER_TEXT, is_header_text

_KINDS: Final[Mapping[str, type]] = {"string": str, "boolean": bool, "array": list, "object": dict}


def check_connector(proposal: Proposal) -> Mapping[str, Any]:
    """Options must be of their kind, credentials fit to be sent; once it has these, a configuration is authorized.

    What there is no connector for is kept as it is; entities that a system does not take are kept, but not authorized.
    """
    new = proposal.new
    system = system_of(new["destination"])
    if system is None:
        return {}
    options = new.get("configData") or {}
    check_options(options)
    for setting in system.options:
        _check_option(setting, options.get(setting.name), system)
    if system.check:
        system.check(options)
    _check_credentials(system, new.get("credentials") or {})
    is_taken = new["entityType"].casefold() in {entity.casefold() for entity in system.entities}
    return {"authorized": is_taken and _is_authorized(system, proposal)}


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


def _check_option(setting: Setting, chosen: object, system: System) -> None:
    if chosen is None or chosen == "":
        if setting.required:
            raise InvalidInputError(f"configData.{setting.name} is required for {system.display_name}: {setting.label}")
        return
    if not isinstance(chosen, _KINDS[setting.kind]):
        raise InvalidInputError(f"configData.{setting.name} must be of type {setting.kind}")
    if setting.choices and chosen not in setting.choices:
        raise InvalidInputError(f"configData.{setting.name} must be one of {', '.join(setting.choices)}")
    _check_header(setting, chosen, "configData")


def _check_credentials(system: System, sent: Mapping[str, Any]) -> None:
    for setting in system.credentials.get(sent.get("type", ""), ()):
        _check_header(setting, sent.get(setting.name, ""), "credentials")


def _check_header(setting: Setting, chosen: object, where: str) -> None:
    if setting.in_header and not is_header_text(str(chosen)):
        raise InvalidInputError(f"{where}.{setting.name} {HEADER_TEXT}")


def _is_authorized(system: System, proposal: Proposal) -> bool:
    """Whether credentials of a kind that the system takes are kept, with all that they must have; or none are needed."""
    new, old = proposal.new, proposal.old or {}
    sent = new.get("credentials")
    if sent is not None:
        asked = system.credentials.get(sent["type"])
        return asked is not None and all(sent.get(setting.name) for setting in asked if setting.required)
    kept = new.get("integrationCredentialsId")
    if kept and kept == old.get("integrationCredentialsId"):
        return bool(old.get("authorized"))
    asks = [any(setting.required for setting in asked) for asked in system.credentials.values()]
    return system.takes_unsigned or not (asks and all(asks))
