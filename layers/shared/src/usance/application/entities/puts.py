"""An entity as a change of the store, with the codes and filter values that its resource declares."""

from collections.abc import Mapping, Sequence
from typing import Any

from usance.application.ports.entities import Guard, Put, Reference
from usance.domain.catalog.proposal import Proposal
from usance.resources.resource import Resource


def entity_put(
    resource: Resource, proposal: Proposal, private: Mapping[str, str] | None = None, guards: Sequence[Guard] = ()
) -> Put:
    """The Put of `proposal.new`: a creation, or a replacement of `proposal.old` at its version."""
    document: dict[str, Any] = dict(proposal.new)
    return Put(
        type=resource.type,
        document=document,
        expected_version=int(proposal.old["version"]) if proposal.old else None,
        unique={name: str(document[name]) for name in resource.unique if name in document},
        indexed={index.name: values for index in resource.indexes if (values := index.values(proposal))},
        references=tuple(
            Reference(reference.type, id_, reference.path.replace("[]", ""))
            for reference in resource.references
            for id_ in reference.ids(proposal)
        ),
        private=private,
        guards=guards,
    )
