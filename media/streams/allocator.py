"""Which layers one subscriber gets within what its line carries.

Sound is never paused and is paid first. Of the pictures, screens come before
cameras, then higher priorities, then the order given. Everybody gets the lowest
layer before anybody gets a higher one; what is left goes to the first rank until
it has all it wants, one step at a time through all of that rank, then to the
next. A picture that does not fit is passed over, so a large screen on a thin
line does not take the small cameras with it. LiveKit's allocator orders alike
(``pkg/sfu/streamallocator``: screen shares have the highest default priority).

:class:`Allocator` adds memory: down at once, up only when the room has been
there for a while with a margin, but what the subscriber newly asks for, or what
its publisher newly sends, as soon as there is room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from media.ports import Kind


class Option(NamedTuple):
    """A layer that could be sent now, with its bitrate in bit/s."""

    layer: int
    bitrate: int


@dataclass(frozen=True, slots=True)
class Demand:
    """What one subscription would like.

    ``options`` are the live layers; ``wanted`` is the highest layer of use, None
    for a subscription that is switched off. Where all options lie above it, the
    lowest of them stands for it.
    """

    subscription: int
    kind: Kind
    options: tuple[Option, ...]
    wanted: int | None
    priority: int = 0
    screen: bool = False

    def usable(self) -> tuple[Option, ...]:
        """The options that may be chosen, lowest layer first."""
        wanted = self.wanted
        if wanted is None or not self.options:
            return ()
        ordered = sorted(self.options)
        return tuple(option for option in ordered if option.layer <= wanted) or (ordered[0],)


class Choice(NamedTuple):
    """``layer`` to forward, or None; ``paused`` if something could be sent but finds no room."""

    layer: int | None
    paused: bool


class Step(NamedTuple):
    """One subscription one layer up, and what all would cost then in bit/s."""

    subscription: int
    layer: int
    total: int


class _Ladder:
    """The rungs that a video demand may climb, and where it stands (-1: paused)."""

    __slots__ = ("at", "demand", "rungs")

    def __init__(self, demand: Demand, rungs: tuple[Option, ...]) -> None:
        self.demand = demand
        self.rungs = rungs
        self.at = -1

    @property
    def rank(self) -> tuple[bool, int]:
        return (not self.demand.screen, -self.demand.priority)

    def cost_of_next(self) -> int | None:
        """Bit/s that one more rung costs, None at the top."""
        if self.at + 1 >= len(self.rungs):
            return None
        now = self.rungs[self.at].bitrate if self.at >= 0 else 0
        return max(0, self.rungs[self.at + 1].bitrate - now)


def _sound(demand: Demand) -> Option | None:
    usable = demand.usable()
    return usable[-1] if usable else None


def _ladders(demands: Sequence[Demand], caps: Mapping[int, int | None]) -> list[_Ladder]:
    """Video demands by rank, none of them above its cap (a layer, or None for nothing)."""
    ladders = []
    for demand in demands:
        if demand.kind is Kind.AUDIO:
            continue
        rungs = demand.usable()
        if demand.subscription in caps:
            cap = caps[demand.subscription]
            rungs = tuple(option for option in rungs if cap is not None and option.layer <= cap)
        ladders.append(_Ladder(demand, rungs))
    ladders.sort(key=lambda ladder: ladder.rank)
    return ladders


def _climb(ladders: list[_Ladder], budget: float, allow_pause: bool) -> None:
    """Spend the budget on the ladders, which are sorted by rank."""
    for ladder in ladders:
        cost = ladder.cost_of_next()
        if cost is not None and (cost <= budget or not allow_pause):
            ladder.at = 0
            budget -= cost
    first = 0
    while first < len(ladders):
        last = first
        while last < len(ladders) and ladders[last].rank == ladders[first].rank:
            last += 1
        climbing = [ladder for ladder in ladders[first:last] if ladder.at >= 0]
        while climbing:
            still = []
            for ladder in climbing:
                cost = ladder.cost_of_next()
                if cost is not None and cost <= budget:
                    ladder.at += 1
                    budget -= cost
                    still.append(ladder)
            climbing = still
        first = last


def allocate(
    demands: Sequence[Demand],
    estimate: float | None,
    *,
    allow_pause: bool = True,
    caps: Mapping[int, int | None] | None = None,
) -> dict[int, Choice]:
    """Layers within ``estimate`` bit/s (None: no limit is known), by subscription.

    The total exceeds the estimate only by sound and, with ``allow_pause`` off,
    by lowest layers. ``caps`` holds single subscriptions at or below a layer
    (None: at nothing). A higher estimate is never worse by :func:`merit`: what
    one picture loses by it goes to a picture of higher rank.
    """
    choices: dict[int, Choice] = {}
    budget = float("inf") if estimate is None else estimate
    for demand in demands:
        if demand.kind is Kind.AUDIO:
            sound = _sound(demand)
            budget -= sound.bitrate if sound else 0
            choices[demand.subscription] = Choice(sound.layer if sound else None, False)
    ladders = _ladders(demands, caps or {})
    _climb(ladders, budget, allow_pause)
    for ladder in ladders:
        layer = ladder.rungs[ladder.at].layer if ladder.at >= 0 else None
        choices[ladder.demand.subscription] = Choice(layer, layer is None and bool(ladder.demand.usable()))
    return choices


def total_bitrate(demands: Sequence[Demand], choices: Mapping[int, Choice]) -> int:
    """What the choices cost at the bitrates of the demands, in bit/s."""
    total = 0
    for demand in demands:
        choice = choices.get(demand.subscription)
        if choice is not None and choice.layer is not None:
            total += next((option.bitrate for option in demand.options if option.layer == choice.layer), 0)
    return total


def next_steps(demands: Sequence[Demand], choices: Mapping[int, Choice]) -> list[Step]:
    """All single steps up, the one that comes first in front; none when everybody has what it wants.

    A paused picture comes before one that is merely small.
    """
    ladders = _ladders(demands, {})
    for ladder in ladders:
        choice = choices.get(ladder.demand.subscription)
        if choice is not None and choice.layer is not None:
            layer = choice.layer
            ladder.at = sum(option.layer <= layer for option in ladder.rungs) - 1
    ladders.sort(key=lambda ladder: (ladder.at >= 0, ladder.rank, ladder.at))
    total = total_bitrate(demands, choices)
    return [
        Step(ladder.demand.subscription, ladder.rungs[ladder.at + 1].layer, total + cost)
        for ladder in ladders
        if (cost := ladder.cost_of_next()) is not None
    ]


class Allocator:
    """Allocation over time.

    ``margin`` is the share by which the estimate must exceed what a rise would
    cost, and ``patience`` the seconds for which it must do so (infinite: rises
    come by steps alone).
    """

    __slots__ = ("_ceilings", "_choices", "_rising_since", "allow_pause", "margin", "patience")

    def __init__(self, margin: float = 0.1, patience: float = 3.0, allow_pause: bool = True) -> None:
        self.margin = margin
        self.patience = patience
        self.allow_pause = allow_pause
        self._choices: dict[int, Choice] = {}
        self._ceilings: dict[int, int] = {}
        self._rising_since: float | None = None

    @property
    def choices(self) -> Mapping[int, Choice]:
        """What was chosen last."""
        return self._choices

    def update(
        self, demands: Sequence[Demand], estimate: float | None, now: float, steps: Sequence[Step] = ()
    ) -> dict[int, Choice]:
        """Choose anew; ``steps`` are rises that may be made at once (a probe)."""
        choices = allocate(
            demands, estimate, allow_pause=self.allow_pause, caps=self._caps(demands, estimate, steps)
        )
        cautious = None if estimate is None else estimate / (1.0 + self.margin)
        better = allocate(demands, cautious, allow_pause=self.allow_pause)
        if merit(demands, better) <= merit(demands, choices):
            self._rising_since = None
        elif self._rising_since is None:
            self._rising_since = now
        elif now - self._rising_since >= self.patience:
            choices = better
            self._rising_since = None
        self._choices = choices
        return dict(choices)

    def _caps(
        self, demands: Sequence[Demand], estimate: float | None, steps: Sequence[Step]
    ) -> dict[int, int | None]:
        """Keep everybody at most where it is, but for new wishes and the steps."""
        raised = {step.subscription: step.layer for step in steps}
        caps: dict[int, int | None] = {}
        ceilings: dict[int, int] = {}
        for demand in demands:
            usable = demand.usable()
            if not usable:
                continue
            subscription = demand.subscription
            ceilings[subscription] = usable[-1].layer
            known = self._ceilings.get(subscription)
            if known is None or usable[-1].layer > known or estimate is None:
                continue
            chosen = self._choices.get(subscription, Choice(None, False)).layer
            # What is playing may change to the lowest layer that is left.
            caps[subscription] = None if chosen is None else max(chosen, usable[0].layer)
            if subscription in raised:
                caps[subscription] = raised[subscription]
        self._ceilings = ceilings
        return caps


def merit(demands: Sequence[Demand], choices: Mapping[int, Choice]) -> tuple[int, ...]:
    """Compares allocations of the same demands: the greater, the better.

    First who is seen at all, by rank; then, rank by rank, who has the second
    layer, who the third. A higher estimate never makes this smaller.
    """
    ladders = _ladders(demands, {})
    ranks: dict[tuple[bool, int], list[tuple[int, int]]] = {}
    shown = []
    for ladder in ladders:
        layer = choices[ladder.demand.subscription].layer
        height = 0 if layer is None else sum(option.layer <= layer for option in ladder.rungs)
        shown.append(min(height, 1))
        ranks.setdefault(ladder.rank, []).append((height, len(ladder.rungs)))
    for heights in ranks.values():
        for rung in range(2, max(top for _height, top in heights) + 1):
            shown += [int(height >= rung) for height, _top in heights]
    return tuple(shown)
