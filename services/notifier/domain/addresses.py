"""Which network addresses a message to a subscriber may be sent to: those of the public internet, and no others.

Promises: an address that leads into our own network, to this machine, to a link or to a group is not public, in whatever form it
is written; one that carries an IPv4 address (mapped, NAT64, 6to4) is judged by that one, too.
Would break it: connecting to a name instead of to the very address that was judged.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""What of IPv6 is given out for use between networks; everything else is for a purpose of its own."""

_NEVER_ROUTED = (IPv6Network("2001::/23"), IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
"""Teredo, test networks and documentation, which lie in the above."""


def is_public(text: str) -> bool:
    """Whether the address may be connected to. Raises ValueError if it is none."""
    return _is_public(ip_address(text.partition("%")[0]))


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    carried = address.ipv4_mapped or _behind_nat64(address)
    if carried is not None:
        return _is_public(carried)
    if address not in _GLOBAL_UNICAST or any(address in network for network in _NEVER_ROUTED):
        return False
    return address.is_global and (address.sixtofour is None or _is_public(address.sixtofour))


def _behind_nat64(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
