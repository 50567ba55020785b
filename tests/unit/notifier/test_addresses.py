import pytest

from services.notifier.domain.addresses import is_public

PUBLIC = [
    "8.8.8.8",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "2606:4700:4700::1111",
]
NOT_PUBLIC = {
    "this machine": ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"],  # noqa: S104 (nobody binds to it)
    "private networks": ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fc00::1", "fec0::1"],
    "shared by a carrier": ["100.64.0.1"],
    "a link, and the metadata of clouds": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "groups": ["224.0.0.1", "255.255.255.255", "ff02::1"],
    "for tests and documentation": ["192.0.2.1", "198.18.0.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "kept for later": ["240.0.0.1", "4000::1", "100::1", "5f00::1"],
    "Teredo": ["2001::1"],
    "IPv4 in IPv6": [
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "2002:a00:1::",
    ],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_may_be_sent_to(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address", [pytest.param(address, id=f"{why}: {address}") for why in NOT_PUBLIC for address in NOT_PUBLIC[why]]
)
def test_no_other_address_may_be_sent_to(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "1.2.3.4:80"])
def test_what_is_no_address_is_not_judged(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        is_public(text)
