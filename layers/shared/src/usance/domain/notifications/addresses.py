"""Which addresses a webhook may reach: the public internet, whatever way a private address is written or wrapped."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address (RFC 6052)
_COMPATIBLE: Final = IPv6Network("::/96")  # IPv4-compatible, long deprecated, still routed by some
_IPV4_MASK: Final = 0xFFFFFFFF


def is_public(address: str) -> bool:
    """Whether `address`, as a resolver returns it, is on the public internet; False for what is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return all(_global(candidate) for candidate in (parsed, *_inside(parsed)))


def _global(address: IPv4Address | IPv6Address) -> bool:
    site_local = isinstance(address, IPv6Address) and address.is_site_local  # deprecated; some networks still route it
    special = address.is_multicast or address.is_reserved or address.is_unspecified or site_local
    return address.is_global and not special


def _inside(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to: mapped, translated, compatible, 6to4, Teredo."""
    if isinstance(address, IPv4Address):
        return ()
    wrapped = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _TRANSLATED or address in _COMPATIBLE:
        wrapped.append(IPv4Address(int(address) & _IPV4_MASK))
    return tuple(inner for inner in wrapped if inner is not None)
