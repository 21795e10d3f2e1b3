import torch

from hf_distill.seeding import Streams, seeded


def test_a_generator_is_a_function_of_its_address():
    first = torch.rand(4, generator=Streams(3, rank=1).at(7).generator("network"))
    again = torch.rand(4, generator=Streams(3, rank=1, step=7).generator("network"))
    assert torch.equal(first, again)


def test_addresses_are_independent():
    base = Streams(3)
    others = [Streams(4), Streams(3, rank=1), base.at(1)]
    draws = [torch.rand(1, generator=s.generator("x")).item() for s in (base, *others)]
    draws.append(torch.rand(1, generator=base.generator("y")).item())
    assert len(set(draws)) == 5


def test_the_seed_is_the_same_on_every_machine():
    # sha256("3:0:0:network"), first eight bytes, little endian, without the sign bit.
    import hashlib

    digest = hashlib.sha256(b"3:0:0:network").digest()
    assert Streams(3).seed_for("network") == int.from_bytes(digest[:8], "little") % 2**64 // 2


def test_seeded_leaves_the_global_state_alone():
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    with seeded(5):
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with seeded(5):
        assert torch.equal(torch.rand(2), inside)
