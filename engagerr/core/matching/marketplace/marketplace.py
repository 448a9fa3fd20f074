"""The marketplace as one workspace sees it: what it shows, what others show, and what they send each other."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from engagerr.core.matching.marketplace.approaches import Approaches
from engagerr.core.matching.marketplace.blocks import Blocks
from engagerr.core.matching.marketplace.listings import Listings
from engagerr.core.matching.marketplace.published_briefs import PublishedBriefs
from engagerr.core.matching.marketplace.reverse import FittingBriefs, Score, fitting_briefs
from engagerr.core.matching.marketplace.shelf import Shelf

if TYPE_CHECKING:
    from engagerr.core.tenancy import Access


class Marketplace:
    """Listings, briefs, applications and invitations between workspaces. Each property is one of its parts."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @functools.cached_property
    def listings(self) -> Listings:
        """What this workspace shows of its creators."""
        return Listings(self._access)

    @functools.cached_property
    def shelf(self) -> Shelf:
        """Listings that are shown to this workspace."""
        return Shelf(self._access)

    @functools.cached_property
    def briefs(self) -> PublishedBriefs:
        """Briefs that are shown: to publish, withdraw, and read."""
        return PublishedBriefs(self._access)

    @functools.cached_property
    def approaches(self) -> Approaches:
        """Applications and invitations, and the answers to them."""
        return Approaches(self._access)

    @functools.cached_property
    def blocks(self) -> Blocks:
        """Whom this workspace does not want to meet."""
        return Blocks(self._access)

    def fitting_briefs(self, creator: str, *, score: Score | None = None, limit: int = 25) -> FittingBriefs:
        """Open briefs, own and shown by others, that a creator breaks no constraint of; the best fit first."""
        return fitting_briefs(self._access, creator, score=score, limit=limit)
