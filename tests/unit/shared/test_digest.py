from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.digest import Digest, entry

Keys = st.dictionaries(
    st.text(min_size=1, max_size=20), st.tuples(st.integers(1, 9), st.sampled_from(["withheld", "released"])), max_size=8
)


def digest_of(keys: dict[str, tuple[int, str]]) -> Digest:
    digest = Digest()
    for key, (version, state) in keys.items():
        digest.add(key, version, state)
    return digest


def test_one_key_is_the_first_half_of_its_hash_as_the_contract_says() -> None:
    """`printf 'IN/account:a\\0001\\000withheld' | sha256sum`"""
    digest = digest_of({"IN/account:a": (1, "withheld")})

    assert digest.hex == "f42b2ed9cbb0bb190bab94dafb58345a"
    assert (digest.keys, digest.withheld) == (1, 1)


def test_nothing_comes_to_nought() -> None:
    assert Digest().hex == "0" * 32


def test_the_sum_stays_within_its_bytes() -> None:
    digest = Digest(total=2**128 - 1)

    digest.add("IN/account:a", 1, "released")

    assert digest.total == entry("IN/account:a", 1, "released") - 1
    assert digest.withheld == 0


@given(Keys, st.randoms())
def test_the_order_in_which_keys_are_added_makes_no_difference(keys: dict[str, tuple[int, str]], chance: Random) -> None:
    shuffled = list(keys.items())
    chance.shuffle(shuffled)

    assert digest_of(dict(shuffled)) == digest_of(keys)


@given(Keys, Keys)
def test_other_keys_come_to_another_digest(one: dict[str, tuple[int, str]], other: dict[str, tuple[int, str]]) -> None:
    assert (digest_of(one).hex == digest_of(other).hex) == (one == other)
