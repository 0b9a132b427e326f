"""Which integrations there are, and what has to be set up for them (platform.md 10.2, 10.5). Shapes beyond it are our choice."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from usance.application.access.authorize import require, require_some, visible
from usance.application.notifications.configurations import CONFIGURATION_TYPE
from usance.application.ports.entities import EntityRepository
from usance.domain.access import Action, Caller
from usance.domain.integrations.selection import COMMON_TO_BILLS
from usance.domain.integrations.system import BILL, Setting, System
from usance.domain.integrations.systems import SYSTEMS
from usance.domain.kernel.errors import NotFoundError
from usance.resources.external_mapping import EXTERNAL_MAPPING
from usance.resources.wire import Document

SELECTED_MAX: Final = 200  # configurations shown beside what is available
_WEBHOOK: Final = System(
    identifier="Webhook",
    display_name="Webhook",
    destinations=("WEBHOOK",),
    entities=("Notification",),
    category="Webhooks",
    credentials={
        "M3TER_SIGNED_REQUEST": (
            Setting("apiKey", "API key", required=True, secret=True),
            Setting("secret", "Secret", required=True, secret=True),
        )
    },
)
_ALL: Final[Sequence[System]] = (_WEBHOOK, *SYSTEMS)
_COMMON: Final = {setting.name for setting in COMMON_TO_BILLS}


def available(caller: Caller, entities: EntityRepository, system: str | None, entity_type: str | None) -> Document:
    """Everything that can be configured, of one system or for one type of entity where these are named."""
    require_some(caller, Action.CONFIG_RETRIEVE, CONFIGURATION_TYPE)
    systems = [one for one in _ALL if system is None or _is_called(one, system)]
    types = sorted({entity for one in systems for entity in one.entities if _fits(entity, entity_type)})
    filters = {"entityType": [type_.lower() for type_ in types]}
    found = entities.list_page(caller.org_id, CONFIGURATION_TYPE, filters=filters, page_size=SELECTED_MAX).data
    return {
        "supportedEntities": {type_: _entity(type_, systems) for type_ in types},
        "selectedConfigurations": list(visible(caller, CONFIGURATION_TYPE, found)) if types else [],
        "globalConfigurationOptions": [_option(setting) for setting in COMMON_TO_BILLS],
    }


def available_systems(caller: Caller, entity_type: str | None) -> list[Document]:
    """The systems, or those that take entities of a type."""
    require_some(caller, Action.CONFIG_RETRIEVE, CONFIGURATION_TYPE)
    return [
        {
            "identifier": name,
            "displayName": _display_name(one, name),
            "validationSupported": False,
            "supportedAuthTypes": _auth_types(one),
        }
        for one in _ALL
        if any(_fits(entity, entity_type) for entity in one.entities)
        for name in one.destinations
    ]


def available_entities(caller: Caller, system: str) -> list[str]:
    """The types of entities that a system takes. `NotFoundError` for one that there is not."""
    require_some(caller, Action.CONFIG_RETRIEVE, CONFIGURATION_TYPE)
    return list(_system(system).entities)


def available_authentication(caller: Caller, system: str, entity_type: str) -> list[Document]:
    """How a system can be signed in to. `NotFoundError` when it is not there, or takes no such entities."""
    require_some(caller, Action.CONFIG_RETRIEVE, CONFIGURATION_TYPE)
    one = _system(system)
    if not any(_fits(entity, entity_type) for entity in one.entities):
        raise NotFoundError(f"{one.display_name} takes {', '.join(one.entities)}, not {entity_type}")
    return [
        {"authType": _auth_type(kind), "type": kind, "authConfigOptions": [_option(setting) for setting in asked]}
        for kind, asked in one.credentials.items()
    ]


def option_values(caller: Caller, system: str, option: str) -> list[Document]:
    """What an option may be; nothing where it is free. `NotFoundError` without such an option."""
    require_some(caller, Action.CONFIG_RETRIEVE, CONFIGURATION_TYPE)
    found = next((setting for setting in _system(system).options if setting.name == option), None)
    if found is None:
        raise NotFoundError(f"{system} has no option {option}")
    return [{"id": choice, "label": choice} for choice in found.choices]


def mapping_configuration(caller: Caller) -> Document:
    """Which of our entities can be mapped, and to which tables of which systems; others may be named freely."""
    require(caller, Action.CONFIG_RETRIEVE, EXTERNAL_MAPPING.type)
    return {
        "m3terEntities": sorted({entity for one in SYSTEMS for entity in one.tables}),
        "externalSystems": [
            {
                "name": one.identifier,
                "tables": sorted({table for tables in one.tables.values() for table in tables}),
                "allowCustomExternalTables": True,
            }
            for one in SYSTEMS
        ],
    }


def mapping_values(caller: Caller) -> list[Document]:
    """The entities of an external system: none, since it is not asked for them (platform.md 10.5)."""
    require(caller, Action.CONFIG_RETRIEVE, EXTERNAL_MAPPING.type)
    return []


def _entity(type_: str, systems: Iterable[System]) -> Document:
    return {
        "readableName": type_,
        "destinations": [
            _destination(one, name) for one in systems if type_ in one.entities for name in one.destinations
        ],
        "entityConfigurationOptions": [_option(setting) for setting in COMMON_TO_BILLS] if type_ == BILL else [],
        "released": True,
    }


def _destination(system: System, name: str) -> Document:
    kinds = _auth_types(system)
    return {
        "apiName": name,
        "destination": name,
        "displayName": _display_name(system, name),
        "destinationConfigOptions": [_option(setting) for setting in system.options if setting.name not in _COMMON],
        "authConfigOptions": [_option(setting) for asked in system.credentials.values() for setting in asked],
        "authType": kinds[0] if kinds else None,
        "categories": [system.category],
        "released": True,
    }


def _display_name(system: System, name: str) -> str:
    """`Stripe`, and `Stripe (test)` for `STRIPE_TEST`."""
    mode = name.removeprefix(system.destinations[0]).strip("_").lower()
    return f"{system.display_name} ({mode})" if mode and name != system.destinations[0] else system.display_name


def _option(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "label": setting.label,
        "type": setting.kind,
        "required": setting.required,
        "secret": setting.secret,
        "values": list(setting.choices),
    }


def _auth_types(system: System) -> list[str]:
    return [_auth_type(kind) for kind in system.credentials]


def _auth_type(kind: str) -> str:
    """The API names the way in to some systems by the system alone: `PADDLE`, with credentials `PADDLE_AUTH`."""
    return kind.removesuffix("_AUTH")


def _system(name: str) -> System:
    found = next((one for one in _ALL if _is_called(one, name)), None)
    if found is None:
        raise NotFoundError(f"there is no integration {name}; integrationconfigs/available/systems lists them")
    return found


def _is_called(system: System, name: str) -> bool:
    return name.casefold() in {one.casefold() for one in (system.identifier, *system.destinations)}


def _fits(entity: str, asked: str | None) -> bool:
    return asked is None or entity.casefold() == asked.casefold()
