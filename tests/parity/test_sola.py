"""Joining of overlapping pieces against the golden case."""

import re

from engine.infer.sola import join
from tests.parity.kit.cases import GoldenCase


def test_joined_fragments_are_the_golden_ones():
    case = GoldenCase("sola")
    overlap, search = map(
        int, re.search(r"overlap (\d+) samples and search (\d+)", case.facts["call"]).groups()
    )
    names = sorted(case.inputs, key=lambda name: int(name.removeprefix("fragment")))
    assert case.problems("joined", join([case.inputs[name] for name in names], overlap, search)) == []
